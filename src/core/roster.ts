export interface Listed {
  /** Its place in the roster that it stands in. Nobody else's to touch. */
  place: number
}

/**
 * The objects of one kind that are in use, where each request brings one and takes it away again. A Set would do, but when the
 * engine makes one anew, which it does each few removals, the old table keeps pointing to the new one: once a dead table has been
 * moved to the old generation, all later ones are kept with everything in them until the next full collection. That took a tenth of
 * the time of a plain GET.
 */
export class Roster<T extends Listed> {
  readonly #members: T[] = []

  get size(): number {
    return this.#members.length
  }

  /** It must not stand in any roster. */
  add(member: T): void {
    member.place = this.#members.push(member) - 1
  }

  /** @returns whether it stood here. */
  remove(member: T): boolean {
    if (this.#members[member.place] !== member) return false
    const last = this.#members.pop()
    if (last !== undefined && last !== member) {
      this.#members[member.place] = last
      last.place = member.place
    }
    member.place = -1
    return true
  }

  /** All of them, in no order. The list is the caller's own. */
  list(): T[] {
    return [...this.#members]
  }
}
