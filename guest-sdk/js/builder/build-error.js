/** An error that the author of the plugin can fix. Only its message is printed. */
export class BuildError extends Error {}
