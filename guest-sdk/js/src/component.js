export class Component {
  /** Absent fields are null in a record of the bindings. */
  constructor(record) {
    this.kind = record.kind;
    this.name = record.name;
    this.uri = record.uri ?? undefined;
    this.version = record.version ?? undefined;
    this.tags = record.tags;
  }

  hasTag(tag) {
    return this.tags.includes(tag);
  }
}
