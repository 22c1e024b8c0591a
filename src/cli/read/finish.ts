import { setTimeout as sleep } from 'node:timers/promises'
import type { Interruption } from '../interruption.ts'
import { watchReader } from '../output/reader-watch.ts'
import type { Printer } from './printer.ts'

/** After a signal a reader that still reads gets what was printed; one that has stopped is not waited for any longer. */
const GRACE_MS = 1000

/**
 * Writes what is left and makes the last commit. False: a write is stuck behind a reader that does not read, on a thread that
 * an ordinary exit would wait for.
 */
export async function finishPrinting(printer: Printer, interruption: Interruption): Promise<boolean> {
  const { sink, commits } = printer
  const { signal, again } = interruption
  if (!sink.isReaderGone) await sink.flush()
  let isSettled = true
  if (signal.aborted && !sink.isReaderGone) {
    const settled = new AbortController()
    const grace = sleep(GRACE_MS, false, { signal: AbortSignal.any([again, settled.signal]) }).catch(() => false)
    isSettled = await Promise.race([sink.settled().then(() => true), grace])
    settled.abort()
  }
  if (commits === undefined) return isSettled
  const watch = watchReader(sink, () => {})
  try {
    await commits.finish(signal)
  } finally {
    await watch.close()
    commits.close()
  }
  return isSettled
}
