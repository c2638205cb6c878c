// Answers a minute, over the last minute.

const MINUTE = 60000;
const LEAST = 10000; // less than that says nothing yet

export class Pace {
  private times: number[] = [];

  add(now = performance.now()): void {
    this.times = [...this.times.filter((time) => now - time < MINUTE), now];
  }

  // Null while there is too little to go by.
  perMinute(now = performance.now()): number | null {
    const recent = this.times.filter((time) => now - time < MINUTE);
    const first = recent[0];
    if (first === undefined || now - first < LEAST) return null;
    return Math.round((recent.length * MINUTE) / (now - first));
  }
}
