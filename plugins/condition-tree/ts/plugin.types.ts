// Compares the exports of check.ts with what the host calls: `npm run types`. It is not part of the plugin.
import type { PluginModule } from "guardhouse-sdk";

import * as plugin from "./check.js";

plugin satisfies PluginModule;
