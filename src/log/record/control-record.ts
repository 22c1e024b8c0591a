import { CorruptRecordError } from '../errors.ts'
import type { RecordCursor } from './record-cursor.ts'

/** In the order of the key's type field. */
const types = [
  'ABORT',
  'COMMIT',
  'LEADER_CHANGE',
  'SNAPSHOT_HEADER',
  'SNAPSHOT_FOOTER',
  'KRAFT_VERSION',
  'KRAFT_VOTERS',
] as const
export type ControlRecordType = (typeof types)[number] | 'UNKNOWN'

export interface ControlRecord {
  type: ControlRecordType
  typeId: number
  version: number
  /** Of ABORT and COMMIT. */
  coordinatorEpoch?: number
}

const KEY_SIZE = 4
const END_TRANSACTION_SIZE = 6

/**
 * What a record of a control batch says. Its key is `version int16, type int16`, longer in later versions; the value of
 * ABORT and COMMIT is `version int16, coordinatorEpoch int32`, longer in later versions too. So the key 00 00 00 01 with
 * the value 00 00 00 00 00 05 is a COMMIT by coordinator epoch 5. The values of the other types, which only
 * __cluster_metadata has, are not read. Types that are not known yet are no error.
 */
export function readControlRecord(cursor: RecordCursor): ControlRecord {
  const { bytes, keyStart, keyEnd, valueStart, valueEnd, offset } = cursor
  if (keyStart < 0 || keyEnd - keyStart < KEY_SIZE) {
    throw new CorruptRecordError('key of a control record is too short', { firstOffset: offset })
  }
  const version = bytes.readInt16BE(keyStart)
  if (version < 0) throw new CorruptRecordError(`control record of version ${version}`, { firstOffset: offset })
  const typeId = bytes.readInt16BE(keyStart + 2)
  const type = types[typeId] ?? 'UNKNOWN'
  if (type !== 'ABORT' && type !== 'COMMIT') return { type, typeId, version }
  if (valueStart < 0 || valueEnd - valueStart < END_TRANSACTION_SIZE) {
    throw new CorruptRecordError(`value of a control record ${type} is too short`, { firstOffset: offset })
  }
  return { type, typeId, version, coordinatorEpoch: bytes.readInt32BE(valueStart + 2) }
}
