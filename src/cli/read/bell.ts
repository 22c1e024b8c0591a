/**
 * What one waits for and many may ring: new records, a signal, a reader that goes. A ring that comes early is kept. (Racing
 * promises instead would leave a reaction on each that lives on, a leak for a follower that wakes a thousand times a second.)
 */
export class Bell {
  #hasRung = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#hasRung = true
    this.#wake?.()
  }

  /** Resolves at the next ring, at once if there was one since the last wait. */
  async wait(): Promise<void> {
    if (!this.#hasRung) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    this.#hasRung = false
  }
}
