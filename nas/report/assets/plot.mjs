export {plot, areaY, barX, barY, cell, dot, frame, line, link, pointer, pointerX, rectY, ruleX, ruleY, text, tickX, tickY, tip} from "@observablehq/plot";
