import * as Flags from '@oclif/core/flags'
import type { InferredFlags } from '@oclif/core/interfaces'
import { codecs, InvalidArgumentError } from '../../log/index.ts'
import { syncFlag } from '../append/flags.ts'
import { jsonFlag, numberFlag, sizeFlag } from '../flags.ts'
import { MAX_RECORDS } from './chain.ts'
import { type BenchSettings, type JobName, jobNames } from './settings.ts'

export const defaultRecords = 1_000_000
/** How many records `tail` follows unless it is told: each of them waits for the one before. */
export const defaultTailRecords = 1000
const DEFAULT_RECORD_BYTES = 100
const DEFAULT_BATCH_BYTES = 256 * 1024
const DEFAULT_SEGMENT_BYTES = 2 ** 30
const MAX_INT32 = 2 ** 31 - 1
/** What a batch with one such record still fits into the 2 GiB that a segment's positions reach. */
const MAX_RECORD_BYTES = 2 ** 28

export const benchFlags = {
  dir: Flags.string({
    char: 'd',
    helpValue: 'DIR',
    helpGroup: 'GLOBAL',
    description:
      'a data directory to make the topics in, and to leave them there; without it ($LOGLADY_DIR is not looked at) a temporary one, removed at the end',
  }),
  'num-records': numberFlag({
    min: 1,
    max: MAX_RECORDS,
    description: `how many records (default ${defaultRecords}; tail: ${defaultTailRecords})`,
  }),
  'record-size': sizeFlag({ description: `bytes of each record (default ${DEFAULT_RECORD_BYTES})` }),
  'payload-file': Flags.string({
    helpValue: 'FILE',
    description: 'the records are lines of this file, at random, behind 24 bytes that the read-back needs',
  }),
  'batch-size': sizeFlag({
    description: 'bytes at which a batch is full (default 256K); 1 makes a batch of each record',
  }),
  'segment-bytes': sizeFlag({ description: 'segment.bytes of the topics (default 1G)' }),
  sync: syncFlag({
    default: 'end',
    description:
      'when records are made durable, as in append, and how the baseline does it. end: at the end, and every second. ' +
      'batch: each batch. never: when the kernel likes. 200ms: this often',
  }),
  compression: Flags.option({ options: codecs })({ default: 'none', description: 'of the batches' }),
  warmup: numberFlag({ char: 'w', max: 1000, default: 1, description: 'pairs of runs before those that count' }),
  runs: numberFlag({ char: 'r', min: 1, max: 1000, default: 5, description: 'pairs of runs that count' }),
  'export-json': Flags.string({
    helpValue: 'FILE',
    description: "the figures as JSON, in the shape of hyperfine's --export-json",
  }),
  json: Flags.boolean({ ...jsonFlag, description: 'the figures as JSON on stdout, one result a line' }),
}

export type BenchFlags = InferredFlags<typeof benchFlags>

/** Throws InvalidArgumentError where flags contradict each other. */
export function benchSettings(flags: BenchFlags): BenchSettings {
  const payloadFile = flags['payload-file']
  if (payloadFile !== undefined && flags['record-size'] !== undefined) {
    throw new InvalidArgumentError('--record-size and --payload-file say two things about the same records')
  }
  const recordSize = payloadFile === undefined ? (flags['record-size'] ?? DEFAULT_RECORD_BYTES) : undefined
  if (recordSize !== undefined) checkRange('--record-size', recordSize, MAX_RECORD_BYTES)
  const batchBytes = flags['batch-size'] ?? DEFAULT_BATCH_BYTES
  checkRange('--batch-size', batchBytes, MAX_RECORD_BYTES)
  const segmentBytes = flags['segment-bytes'] ?? DEFAULT_SEGMENT_BYTES
  checkRange('--segment-bytes', segmentBytes, MAX_INT32)
  return {
    records: flags['num-records'] ?? defaultRecords,
    recordSize,
    payloadFile,
    batchBytes,
    segmentBytes,
    sync: flags.sync,
    compression: flags.compression,
    warmup: flags.warmup,
    runs: flags.runs,
  }
}

/** The jobs that were named, all of them if none was, each once. */
export function chooseJobs(names: readonly string[]): JobName[] {
  for (const name of names) {
    if (jobNames.some(job => job === name)) continue
    throw new InvalidArgumentError(`there is no job ${name}`, { hint: `the jobs are ${jobNames.join(', ')}` })
  }
  return names.length === 0 ? [...jobNames] : jobNames.filter(job => names.includes(job))
}

function checkRange(flag: string, bytes: number, max: number): void {
  if (bytes >= 1 && bytes <= max) return
  throw new InvalidArgumentError(`${flag} ${bytes} is out of range, which is 1 to ${max} bytes`)
}
