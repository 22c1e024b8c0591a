import * as Flags from '@oclif/core/flags'
import type { InferredFlags } from '@oclif/core/interfaces'
import { type AppendOptions, partitionerNames, type SyncPolicy } from '../../log/index.ts'
import {
  bytesFlag,
  delimiterFlag,
  durationFlag,
  jsonFlag,
  maxPartition,
  nulFlag,
  numberFlag,
  pairsFlag,
  sizeFlag,
  timestampFlag,
} from '../flags.ts'
import { type FramingFlags, framingNames } from '../framing/choose-framing.ts'
import { parseDuration } from '../sizes.ts'
import { timeHelp } from '../time-grammar.ts'
import { type ConfigFlagKey, configFlagKeys, type WantedTopic } from './destination.ts'

const syncWords = ['end', 'batch', 'never'] as const

export const syncFlag = Flags.custom<SyncPolicy>({
  helpValue: 'end|batch|never|DURATION',
  parse: async text => syncWords.find(word => word === text) ?? { everyMs: parseDuration(text) },
})

/** The flags of `append`, in the order in which help lists them. */
export const appendFlags = {
  framing: Flags.option({ options: framingNames })({
    description:
      'how the input is split: lines, nul (NUL-terminated), u32be (a length of four bytes, big-endian, in front of each record), ' +
      "varint (an unsigned LEB128 length, as Protocol Buffers' delimited streams have), whole (an input is one record), json (-J)",
  }),
  json: Flags.boolean({
    ...jsonFlag,
    description: 'records as `read -J` prints them, one JSON object a line; strict. Errors become JSON too',
  }),
  delimiter: delimiterFlag({ char: 'D', description: 'what ends a record instead of \\n; escapes as in \\t, \\x1e' }),
  nul: nulFlag,
  'skip-empty': Flags.boolean({ description: 'an empty line is no record' }),
  key: bytesFlag({ char: 'k', helpValue: 'K', description: 'the key of every record; with -J of those without one' }),
  'key-delimiter': delimiterFlag({
    char: 'K',
    description: 'a record is KEY, this, VALUE; divided where it first occurs, and refused where it does not',
  }),
  'key-optional': Flags.boolean({ description: 'a record without the key delimiter gets a null key' }),
  tombstone: Flags.boolean({ char: 'Z', description: 'an empty value becomes null, a tombstone' }),
  header: pairsFlag({
    char: 'H',
    description: 'a header of every record; repeatable; with -J of those without headers',
  }),
  timestamp: timestampFlag({
    description: `the timestamp of every record; with -J of those without one. Without it the time of arrival. ${timeHelp}`,
  }),
  partition: numberFlag({ char: 'p', max: maxPartition, description: 'the partition of every record' }),
  repartition: Flags.boolean({ description: 'with -J: the partitioner decides, not the "partition" of a record' }),
  partitioner: Flags.option({ options: partitionerNames })({
    description:
      "murmur2: by the key, as Kafka's clients do, sticky without one (default). sticky: one partition until its batch is full. round-robin: one record each",
  }),
  partitions: numberFlag({
    min: 1,
    max: 100_000,
    description: 'how many the topic gets when this command makes it (default 1)',
  }),
  'segment-bytes': sizeFlag({ description: 'segment.bytes of a topic that this command makes' }),
  'index-interval-bytes': sizeFlag({ description: 'index.interval.bytes of a topic that this command makes' }),
  'max-message-bytes': sizeFlag({
    description:
      'max.message.bytes of a topic that this command makes: the largest batch, so also a limit for one record (default 1048588)',
  }),
  compression: Flags.option({ options: ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const })({
    description: "of the batches of this run; without it the topic's compression.type",
  }),
  sync: syncFlag({
    default: 'end',
    description:
      'when records are made durable. end: at the end, and every second in between. batch: each batch, before its ack. ' +
      'never: when the kernel likes. 200ms: as end, this often',
  }),
  linger: durationFlag({
    default: 5,
    defaultHelp: async () => '5ms',
    description: 'how long a record may wait for others before readers see it; 0 writes what came at once',
  }),
  ack: Flags.option({ options: ['each', 'summary'] as const })({
    description: 'JSON on stdout. each: a line for each batch, once --sync made it true. summary: one line at the end',
  }),
}

export type AppendFlags = InferredFlags<typeof appendFlags>

export function framingFlags(flags: AppendFlags): FramingFlags {
  return {
    framing: flags.framing,
    json: flags.json,
    nul: flags.nul,
    delimiter: flags.delimiter,
    skipEmpty: flags['skip-empty'],
    key: flags.key,
    keyDelimiter: flags['key-delimiter'],
    isKeyOptional: flags['key-optional'],
    emptyIsTombstone: flags.tombstone,
    ignorePartition: flags.repartition,
  }
}

/** What the topic shall be like, as far as flags say so. */
export function wantedTopic(flags: AppendFlags): WantedTopic {
  const config = new Map<ConfigFlagKey, number>()
  for (const key of configFlagKeys) {
    const value = flags[key.replaceAll('.', '-') as 'segment-bytes']
    if (value !== undefined) config.set(key, value)
  }
  return { partitions: flags.partitions, config }
}

export function appendOptions(flags: AppendFlags): AppendOptions {
  return {
    partitioner: flags.partitioner,
    compression: flags.compression,
    sync: flags.sync,
    lingerMs: flags.linger,
    timestamp: flags.timestamp,
    headers: flags.header?.map(({ name, value }): [Buffer, Buffer] => [Buffer.from(name), Buffer.from(value)]),
  }
}
