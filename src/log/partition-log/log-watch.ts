import { type FSWatcher, watch } from 'node:fs'

/**
 * Wakes a follower when something in a partition's folder changes, or in one of several: kernel notification where the file
 * system has it, and a timer beside it always, for network file systems and for limits on watches that are used up. Made
 * before the read whose end it waits behind; a change between the two is kept and ends the next wait at once.
 */
export class LogWatch {
  /** By folder; undefined where there is no notification, and for a folder that is not there yet. */
  readonly #watchers = new Map<string, FSWatcher | undefined>()
  #changed = false
  #wake: (() => void) | undefined

  constructor(folder?: string) {
    if (folder !== undefined) this.add(folder)
  }

  /** Looks at one folder more. */
  add(folder: string): void {
    this.#watchers.set(folder, this.#watch(folder))
  }

  #watch(folder: string): FSWatcher | undefined {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.wake())
      // The folder may go away under us; the timer goes on.
      watcher.on('error', () => watcher.close())
      return watcher
    } catch {
      return undefined
    }
  }

  /** Ends the wait that is going on, or the next one. */
  wake(): void {
    this.#changed = true
    this.#wake?.()
  }

  /** Resolves on a change, after `timeoutMs` at the latest. */
  async wait(timeoutMs: number): Promise<void> {
    for (const [folder, watcher] of this.#watchers) {
      if (watcher !== undefined) continue
      this.add(folder)
      // Made only now: what happened before it was not told.
      if (this.#watchers.get(folder) !== undefined) this.#changed = true
    }
    if (!this.#changed) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, timeoutMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#wake = undefined
    }
    this.#changed = false
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher?.close()
    this.#wake?.()
  }
}
