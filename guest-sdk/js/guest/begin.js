import { openLog } from "./log.js";
import { forbidPromises } from "./promises.js";

/** Called first by every export that calls the author's code. */
export function begin() {
  openLog();
  forbidPromises();
}
