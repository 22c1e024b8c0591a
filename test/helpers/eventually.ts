import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until `what` gives something other than undefined and false, and returns that. The test's own time limit ends it. */
export async function eventually<T>(what: () => T | undefined | false): Promise<T> {
  for (;;) {
    const result = what()
    if (result !== undefined && result !== false) return result
    await sleep(5)
  }
}
