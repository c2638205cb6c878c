// What draws charts: a script of its own, for the page that shows some.

import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export { UPlot };
