// A picture from this device, small enough for one request: what an encoder sees is smaller still.

const MOST = 44000; // characters of base64; a request may have 64 KiB

// The base64 of a JPEG; null where the browser cannot show the file.
export async function small(file: File): Promise<string | null> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return null;
  }
  for (let edge = 512; edge >= 64; edge = Math.round(edge * 0.75)) {
    const scale = Math.min(1, edge / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    const context = canvas.getContext("2d");
    if (context === null) return null;
    context.fillStyle = "#fff"; // where the picture is transparent
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const text = canvas.toDataURL("image/jpeg", 0.9).split(",")[1] ?? "";
    if (text.length <= MOST) return text;
  }
  return null;
}
