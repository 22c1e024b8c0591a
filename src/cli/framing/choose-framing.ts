import { InvalidArgumentError } from '../../log/index.ts'
import type { Framing } from './framing.ts'
import { JsonLinesFraming } from './json-lines.ts'
import { LengthPrefixedFraming, Uint32Prefix, VarintPrefix } from './length-prefixed.ts'
import { DelimitedFraming } from './lines.ts'
import { RecordRules, type RecordRulesOptions } from './record-rules.ts'
import { WholeFraming } from './whole.ts'

export const framingNames = ['lines', 'nul', 'u32be', 'varint', 'whole', 'json'] as const
export type FramingName = (typeof framingNames)[number]

/** The flags of append that say how bytes become records. */
export interface FramingFlags extends RecordRulesOptions {
  framing?: FramingName
  /** `-J` */
  json?: boolean
  /** `-0` */
  nul?: boolean
  delimiter?: Buffer
  skipEmpty?: boolean
  /** `--repartition` */
  ignorePartition?: boolean
}

/** A maker of framings, one for each input. Throws InvalidArgumentError for flags that do not go together. */
export function chooseFraming(flags: FramingFlags): () => Framing {
  const name = framingName(flags)
  const { key, keyDelimiter, isKeyOptional = false, emptyIsTombstone = false } = flags
  const { skipEmpty = false, ignorePartition = false } = flags
  const isJson = name === 'json'
  refuseIf(flags.delimiter !== undefined && name !== 'lines', `--framing ${name} knows no --delimiter`)
  refuseIf(skipEmpty && !['lines', 'nul', 'json'].includes(name), '--skip-empty goes with lines')
  refuseIf(isJson && keyDelimiter !== undefined, 'JSON records have keys of their own, --key-delimiter is for others')
  refuseIf(isJson && emptyIsTombstone, 'a JSON record says "value": null, --tombstone is for others')
  refuseIf(!isJson && ignorePartition, '--repartition goes with JSON records')
  refuseIf(isKeyOptional && keyDelimiter === undefined, '--key-optional goes with --key-delimiter')
  refuseIf(key !== undefined && keyDelimiter !== undefined, '--key and --key-delimiter both give the key')
  const rules = new RecordRules(flags)
  switch (name) {
    case 'lines':
      return () => new DelimitedFraming(flags.delimiter ?? Buffer.from('\n'), rules, skipEmpty)
    case 'nul':
      return () => new DelimitedFraming(Buffer.from([0]), rules, skipEmpty)
    case 'u32be':
      return () => new LengthPrefixedFraming(new Uint32Prefix(), rules)
    case 'varint':
      return () => new LengthPrefixedFraming(new VarintPrefix(), rules)
    case 'whole':
      return () => new WholeFraming(rules)
    case 'json':
      return () => new JsonLinesFraming({ ...(key === undefined ? {} : { key }), ignorePartition, skipEmpty })
  }
}

function framingName({ framing, json = false, nul = false, delimiter }: FramingFlags): FramingName {
  refuseIf(json && nul, '-J and -0 are two framings')
  refuseIf(nul && delimiter !== undefined, '-0 and --delimiter are two delimiters')
  const implied = json ? 'json' : nul ? 'nul' : undefined
  if (implied === undefined) return framing ?? 'lines'
  refuseIf(
    framing !== undefined && framing !== implied,
    `${json ? '-J' : '-0'} is --framing ${implied}, not ${framing}`,
  )
  return implied
}

function refuseIf(isRefused: boolean, message: string): void {
  if (isRefused) throw new InvalidArgumentError(message)
}
