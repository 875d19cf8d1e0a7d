import { warmUp } from "./warm-up.js";

warmUp();
