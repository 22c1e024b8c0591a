import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { CorruptLogError, type PartitionLog, PartitionRecords } from '../../log/index.ts'
import { ChainCheck, type ReadBack } from './chain-check.ts'

const RECORDS_A_TURN = 20_000

/** Reads a whole partition and checks each record's payload. Damage of the log ends it, as a problem like any other. */
export async function readBack(log: PartitionLog, expectedRecords: number, signal: AbortSignal): Promise<ReadBack> {
  const from = log.logStartOffset()
  const until = log.logEndOffset()
  const records = new PartitionRecords(log.reader({ from, until }), { from, until })
  const check = new ChainCheck(expectedRecords)
  try {
    for (let count = 1; records.next(); count++) {
      const { bytes, valueStart, valueEnd } = records.record
      check.accept(bytes, valueStart, valueEnd)
      if (count % RECORDS_A_TURN !== 0) continue
      signal.throwIfAborted()
      await eventLoopTurn()
    }
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error
    return { ...check.finish(), problem: error.describe() }
  } finally {
    records.close()
  }
  return check.finish()
}
