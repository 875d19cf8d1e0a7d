export class Component {
  /** Absent fields are null in a record of the bindings. */
  constructor(kind, name, uri, version, tags) {
    this.kind = kind;
    this.name = name;
    this.uri = uri ?? undefined;
    this.version = version ?? undefined;
    this.tags = tags;
  }

  hasTag(tag) {
    return this.tags.includes(tag);
  }
}
