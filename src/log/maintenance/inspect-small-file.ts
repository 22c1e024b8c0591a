import { basename, dirname } from 'node:path'
import { CorruptFileError, NotFoundError, NumberTooLargeError } from '../errors.ts'
import { leaderEpochFault, readLeaderEpochs } from '../file/leader-epoch-checkpoint.ts'
import { parseMetaProperties } from '../file/meta-properties.ts'
import { parseSegmentFileName } from '../file/names.ts'
import { decodeOffsetCheckpoint, parsePartitionKey } from '../file/offset-checkpoint.ts'
import { parsePartitionMetadata } from '../file/partition-metadata.ts'
import { decodeProducerSnapshot } from '../file/producer-snapshot.ts'
import { parseTopicsFile } from '../file/topics-file.ts'
import { decodeTransactionIndex, transactionIndexFault } from '../file/transaction-index.ts'
import { readUnsyncedMark } from '../file/unsynced-mark.ts'
import { readWholeFile } from '../file/whole-file.ts'
import { type Finding, type SmallFileEntry, type SmallFileKind, type SmallFileReport, worst } from './inspect-report.ts'

interface Content {
  entries: SmallFileEntry[]
  /** What is wrong although the file can be read. */
  fault?: string | undefined
  note?: string
}

/** Any file that is read whole. Throws NotFoundError, StorageError; whatever is wrong inside is a finding. */
export function inspectSmallFile(path: string, kind: SmallFileKind): SmallFileReport {
  const bytes = readWholeFile(path)
  if (bytes === undefined) throw new NotFoundError('no such file', { path })
  const findings: Finding[] = []
  let entries: SmallFileEntry[] = []
  try {
    const content = readers[kind](bytes, path)
    entries = content.entries
    if (content.fault !== undefined) findings.push({ path, message: content.fault, verdict: faultVerdict(kind) })
    if (content.note !== undefined) findings.push({ path, message: content.note, verdict: 'clean' })
  } catch (error) {
    if (!(error instanceof CorruptFileError || error instanceof NumberTooLargeError)) throw error
    const { message, position } = error
    findings.push({ path, message, verdict: faultVerdict(kind), ...(position !== undefined && { position }) })
  }
  const verdict = worst(findings.map(finding => finding.verdict))
  return { kind, path, sizeInBytes: bytes.length, entries, findings, verdict }
}

function faultVerdict(kind: SmallFileKind): 'wrong index' | 'damaged' {
  return kind === 'txnindex' ? 'wrong index' : 'damaged'
}

const readers: Record<SmallFileKind, (bytes: Buffer, path: string) => Content> = {
  txnindex(bytes, path) {
    const index = decodeTransactionIndex(bytes, path)
    const entries = index.aborted.map(({ producerId, ...rest }) => ({ producerId: String(producerId), ...rest }))
    return { entries, fault: transactionIndexFault(index, parseSegmentFileName(basename(path))?.baseOffset ?? 0) }
  },
  snapshot(bytes, path) {
    const { producers } = decodeProducerSnapshot(bytes, path)
    return { entries: producers.map(({ producerId, ...rest }) => ({ producerId: String(producerId), ...rest })) }
  },
  'offset-checkpoint': (bytes, path) => ({
    entries: [...decodeOffsetCheckpoint(bytes, path)].map(([key, offset]) => ({ ...parsePartitionKey(key), offset })),
  }),
  'leader-epoch-checkpoint'(_bytes, path) {
    const epochs = readLeaderEpochs(path) ?? []
    return {
      entries: epochs.map(({ epoch, startOffset }) => ({ epoch, startOffset })),
      fault: leaderEpochFault(epochs),
    }
  },
  'partition.metadata': (bytes, path) => ({ entries: [{ topicId: parsePartitionMetadata(bytes, path) }] }),
  'meta.properties': (bytes, path) => ({
    entries: [...parseMetaProperties(bytes, path).properties].map(([key, value]) => ({ key, value })),
  }),
  topics: (bytes, path) => ({
    entries: [...parseTopicsFile(bytes, path)].map(([topic, { id, partitions, config }]) => {
      return { topic, id, partitions, config: [...config].map(([key, value]) => `${key}=${value}`).join(' ') }
    }),
  }),
  'clean-shutdown': bytes => ({ entries: cleanShutdownEntries(bytes) }),
  unsynced(_bytes, path) {
    const mark = readUnsyncedMark(dirname(path))
    const note = 'a sync failed: everything from there on is in doubt until the next writer has written it again'
    return mark === undefined ? { entries: [] } : { entries: [{ ...mark }], note }
  },
}

/** Only that the file exists matters; empty before Kafka 3.7. */
function cleanShutdownEntries(bytes: Buffer): SmallFileEntry[] {
  try {
    const { version, brokerEpoch } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>
    return [{ version: Number(version), brokerEpoch: Number(brokerEpoch) }]
  } catch {
    return []
  }
}
