/** What the author of the plugin can mend. Its message is all that they are told. */
export class BuildError extends Error {}
