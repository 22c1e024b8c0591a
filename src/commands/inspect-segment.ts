import { statSync } from 'node:fs'
import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { LogladyCommand } from '../cli/base-command.ts'
import { resolveFileOrTopic } from '../cli/file-arguments.ts'
import { jsonFlag, numberFlag, sizeFlag } from '../cli/flags.ts'
import { JsonInspectPresenter } from '../cli/inspect/json-presenter.ts'
import type { InspectPresenter } from '../cli/inspect/presenter.ts'
import { InspectSession } from '../cli/inspect/session.ts'
import { TextInspectPresenter } from '../cli/inspect/text-presenter.ts'
import { BlockSink } from '../cli/output/stdout.ts'
import { startProgress } from '../cli/progress.ts'
import {
  type InspectTarget,
  InvalidArgumentError,
  inspectTargets,
  inspectTopicTargets,
  isWrong,
  NotFoundError,
} from '../log/index.ts'

export default class InspectSegment extends LogladyCommand {
  static override summary = 'Show what is in files of a log, and whether anything is wrong with them.'
  static override description =
    `Reads any .log, .index, .timeindex, .txnindex, .snapshot or checkpoint, partition.metadata and meta.properties, with or without the files beside it; a folder stands for all that is in it, a topic for its partitions. Never writes and takes no lock, so it may look at what a broker or a writer is working on.

Checks every batch and its CRC, base offsets and leader epochs, which no CRC covers, and the indexes against the batches. Goes on behind damage and says which bytes and offsets are lost. Bytes behind the last whole batch are in flight while somebody writes, else a torn tail; zeros there are preallocated. Offsets that are missing are damage, but in a log that may be compacted.

Exits with 1 if anything is wrong. Where stdout is no terminal, lines begin with batch, record, damage, entry, log, file, finding or verdict, and are divided by tabs; in JSON "type" says the same.`
  static override examples = [
    { description: 'Is everything right in a topic?', command: 'loglady inspect-segment events' },
    {
      description: 'One segment of a Kafka broker',
      command: 'loglady inspect-segment /var/lib/kafka/events-0/00000000000000000000.log',
    },
    { description: 'Which batches are there, as JSON', command: 'loglady inspect-segment --batches -J events/0' },
    {
      description: 'The bytes of the first batch from byte 73728 on',
      command: 'loglady inspect-segment --hex -s 73728 -n 1 00000000000000001024.log',
    },
    { description: 'The entries of an index', command: 'loglady inspect-segment --records 00000000000000001024.index' },
  ]
  static override args = {
    target: Args.string({
      ignoreStdin: true,
      multiple: true,
      description: 'FILE, DIR, TOPIC or TOPIC/PARTITION, any number (default: the data directory)',
    }),
  }
  static override flags = {
    batches: Flags.boolean({ description: 'show every batch' }),
    records: Flags.boolean({ description: 'show and check every record, and every entry of an index' }),
    hex: Flags.boolean({ description: 'show the bytes of every batch, and of damage' }),
    'start-byte': sizeFlag({
      char: 's',
      helpValue: 'BYTE',
      description: 'begin with the first batch from this byte on',
    }),
    'end-byte': sizeFlag({
      char: 'e',
      helpValue: 'BYTE',
      description: 'leave out batches that begin at this byte or behind',
    }),
    'max-batches': numberFlag({ char: 'n', min: 1, description: 'at most N batches, or entries, of each file' }),
    json: jsonFlag,
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(InspectSegment)
    const named = args.target ?? [this.common.dir]
    const targets = named.flatMap(text => this.#targets(text))
    const logs = targets.filter(({ kind }) => kind === 'log')
    if ((flags['start-byte'] ?? flags['end-byte']) !== undefined && logs.length !== 1) {
      throw new InvalidArgumentError(`--start-byte and --end-byte need one log, these are ${logs.length}`)
    }
    const sink = new BlockSink()
    const total = logs.reduce((sum, { path }) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0)
    const progress = startProgress({ label: 'inspecting', unit: 'bytes', total, quiet: this.common.quiet })
    const presenter = await this.#presenter(sink, flags)
    const session = new InspectSession(sink, presenter, progress, {
      start: flags['start-byte'],
      end: flags['end-byte'],
      maxBatches: flags['max-batches'],
      showBatches: flags.batches || flags.hex,
      showRecords: flags.records,
      showEntries: flags.records || targets.length === named.length,
    })
    try {
      for (const target of targets) {
        if (session.isOver) break
        await session.inspect(target).catch(error => this.#skipRemoved(target, error))
      }
    } finally {
      progress.end()
    }
    await presenter.end(session.reports)
    await sink.flush()
    if (!sink.isClosed && session.reports.some(({ verdict }) => isWrong(verdict))) this.exitCode = 1
  }

  /** Retention, compaction and a topic's deletion go on while a directory is looked through. */
  #skipRemoved({ path }: InspectTarget, error: unknown): void {
    if (!(error instanceof NotFoundError)) throw error
    this.note(`${path} was removed meanwhile`)
  }

  #targets(text: string): InspectTarget[] {
    return resolveFileOrTopic(text, {
      ofPath: inspectTargets,
      ofTopic: (topic, partition) => inspectTopicTargets(this.common.dir, topic, partition),
    })
  }

  async #presenter(sink: BlockSink, flags: { json: boolean; hex: boolean }): Promise<InspectPresenter> {
    if (flags.json) return new JsonInspectPresenter(sink, flags.hex)
    return TextInspectPresenter.create(sink, {
      terminal: sink.isTerminal,
      color: this.common.color,
      withHex: flags.hex,
    })
  }
}
