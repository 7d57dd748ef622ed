//! Packet identifiers, for code that brings or uses a provider of them.

export interface IMessageIdProvider {
  /** A free identifier; `null` if all are in use. */
  allocate(): number | null
  getLastAllocated(): number | null
  /** Takes this identifier; false if it is in use. */
  register(num: number): boolean
  deallocate(num: number): void
  clear(): void
}

const LAST = 65_535

/** Counts from a random start and wraps; never refuses. */
export class DefaultMessageIdProvider implements IMessageIdProvider {
  private next = 1 + Math.floor(Math.random() * LAST)

  allocate(): number {
    const id = this.next
    this.next = id === LAST ? 1 : id + 1
    return id
  }

  getLastAllocated(): number {
    return this.next === 1 ? LAST : this.next - 1
  }

  register(_num: number): boolean {
    return true
  }

  deallocate(_num: number): void {}

  clear(): void {}
}

/** The lowest free identifier each time; refuses what is in use. */
export class UniqueMessageIdProvider implements IMessageIdProvider {
  private readonly used = new Set<number>()
  private last: number | null = null
  /** No identifier below this one is free. */
  private lowest = 1

  allocate(): number | null {
    while (this.lowest <= LAST && this.used.has(this.lowest)) this.lowest += 1
    if (this.lowest > LAST) return null
    this.last = this.lowest
    this.used.add(this.last)
    return this.last
  }

  getLastAllocated(): number | null {
    return this.last
  }

  register(num: number): boolean {
    if (!Number.isInteger(num) || num < 1 || num > LAST || this.used.has(num)) return false
    this.used.add(num)
    this.last = num
    return true
  }

  deallocate(num: number): void {
    if (this.used.delete(num) && num < this.lowest) this.lowest = num
  }

  clear(): void {
    this.used.clear()
    this.lowest = 1
  }
}
