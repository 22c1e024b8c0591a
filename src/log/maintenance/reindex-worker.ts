import { parentPort, workerData } from 'node:worker_threads'
import { LogladyError } from '../errors.ts'
import { reindexSegment } from './reindex.ts'
import type { FromThread, ToThread } from './reindex-jobs.ts'

/** One thread of `reindexAll`: a segment in, a result out, until the thread is terminated. */
const port = parentPort!
const { check = false, all = false, indexIntervalBytes } = workerData as ToThread['settings']

function tell(message: FromThread): void {
  port.postMessage(message)
}

port.on('message', async ({ context }: Pick<ToThread, 'context'>) => {
  try {
    const result = await reindexSegment(context, {
      check,
      all,
      ...(indexIntervalBytes !== undefined && { indexIntervalBytes }),
      onWait: holder => tell({ kind: 'wait', holder }),
      onProgress: bytes => tell({ kind: 'progress', bytes }),
    })
    tell({ kind: 'done', result })
  } catch (error) {
    // An error's class does not survive the way to another thread; its code does.
    if (!(error instanceof LogladyError)) throw error
    const { code, message, path, position } = error
    const details = { ...(path !== undefined && { path }), ...(position !== undefined && { position }) }
    tell({ kind: 'failed', code, message, details })
  }
})
