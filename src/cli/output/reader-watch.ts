import { createWake, pollHangup } from '../../log/index.ts'
import type { BlockSink } from './stdout.ts'

export interface ReaderWatch {
  close(): Promise<void>
}

const nobody: ReaderWatch = { close: async () => {} }

/**
 * Waits on a thread for the reader of a pipe to go, which a write would tell only when there is something to write. Then the
 * sink says so, and `onGone` is called. With nobody at the other end, as of a file, it does nothing.
 */
export function watchReader(sink: BlockSink, onGone: () => void): ReaderWatch {
  if (!sink.hasReader) return nobody
  const wake = createWake()
  const done = pollHangup(sink.fd, wake.fd, -1).then(outcome => {
    if (outcome !== 'hangup') return
    sink.isReaderGone = true
    onGone()
  })
  return {
    async close() {
      wake.wake()
      await done
      wake.close()
    },
  }
}
