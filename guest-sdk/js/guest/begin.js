import { openLog } from "./log.js";
import { forbidPromises } from "./promises.js";

/** Every export that calls the author begins with this. */
export function begin() {
  openLog();
  forbidPromises();
}
