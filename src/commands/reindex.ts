import { statSync } from 'node:fs'
import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { LogladyCommand } from '../cli/base-command.ts'
import { resolveFileOrTopic } from '../cli/file-arguments.ts'
import { jsonFlag, numberFlag } from '../cli/flags.ts'
import { startProgress } from '../cli/progress.ts'
import { reindexColumns } from '../cli/reindex-report.ts'
import { formatCount, formatQuantity } from '../cli/sizes.ts'
import { formatRows } from '../cli/table.ts'
import {
  type ReindexResult,
  reindexAll,
  reindexTargets,
  reindexTopicTargets,
  type SegmentContext,
  WriteGuard,
} from '../log/index.ts'

export default class Reindex extends LogladyCommand {
  static override summary = 'Rebuild indexes that are missing, short or wrong.'
  static override description =
    `Reads the segments whole, checks their .index and .timeindex, and builds anew what is stale: missing, breaking the rule that every lookup relies on (positions are starts of batches, entries increase, no batch before a position has the entry's offset or a later one), padded with zeros although the segment was rolled, or leaving more than 1 MiB and a batch without an entry. The preallocated indexes of a broker's newest segment are not stale. What is built is what Kafka's own recovery builds, byte for byte.

The new file replaces the old one by rename, under the lock of a write; readers and writers go on meanwhile. Refuses beside a running broker (exit 4).

With --check nothing is written, and the exit code is 1 if anything is stale or the log itself is damaged. Without it, damage in a log gives exit 3; the indexes then lead around it. Where stdout is no terminal, one line a segment: path, state of .index, state of .timeindex, what was done, entries, time entries, bad bytes, divided by tabs.`
  static override examples = [
    { description: 'Mend the indexes of everything here', command: 'loglady reindex' },
    { description: 'Is any index of a topic stale?', command: 'loglady reindex --check events' },
    { description: 'Build all indexes of one partition anew', command: 'loglady reindex --all events/0' },
    {
      description: 'One segment of a stopped broker',
      command: 'loglady reindex /var/lib/kafka/events-0/00000000000000000000.log',
    },
  ]
  static override args = {
    target: Args.string({
      ignoreStdin: true,
      multiple: true,
      description: 'TOPIC, TOPIC/PARTITION, a segment, or a folder, any number (default: the data directory)',
    }),
  }
  static override flags = {
    all: Flags.boolean({ description: 'also what is right', exclusive: ['check'] }),
    check: Flags.boolean({ description: 'write nothing; exit 1 if anything is stale' }),
    jobs: numberFlag({ char: 'j', min: 1, max: 64, description: 'segments at once (default: one a GiB, at most 4)' }),
    json: jsonFlag,
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Reindex)
    const named = args.target ?? [this.common.dir]
    const segments = uniqueSegments(named.flatMap(text => this.#segments(text)))
    const { signal } = this.interruption()
    const guard = flags.check ? undefined : WriteGuard.take(segments)
    const total = segments.reduce(
      (sum, { logPath }) => sum + (statSync(logPath, { throwIfNoEntry: false })?.size ?? 0),
      0,
    )
    const label = flags.check ? 'checking indexes' : 'rebuilding indexes'
    const progress = startProgress({ label, unit: 'bytes', total, quiet: this.common.quiet })
    const results: ReindexResult[] = []
    let done = 0
    try {
      await reindexAll(segments, {
        check: flags.check,
        all: flags.all,
        jobs: flags.jobs,
        signal,
        onWait: holder => this.note(`waiting for the lock of a partition, held by ${holder}`),
        onGone: ({ logPath }) => this.note(`${logPath} was removed meanwhile`),
        onProgress: bytes => {
          done += bytes
          progress.update(done)
        },
        onResult: async result => {
          results.push(result)
          if (flags.json) await this.printJson(result)
        },
      })
    } finally {
      progress.end()
      guard?.release()
    }
    if (!flags.json && results.length > 0)
      await this.print(await formatRows(results, reindexColumns, this.tableOptions()))
    this.#conclude(results, flags.check)
  }

  #segments(text: string): SegmentContext[] {
    return resolveFileOrTopic(text, {
      ofPath: reindexTargets,
      ofTopic: (topic, partition) => reindexTopicTargets(this.common.dir, topic, partition),
    })
  }

  #conclude(results: readonly ReindexResult[], check: boolean): void {
    const stale = results.filter(({ isStale }) => isStale)
    const rebuilt = results.filter(({ isRebuilt }) => isRebuilt)
    const damaged = results.filter(({ badBytes }) => badBytes > 0)
    for (const { path, badBytes } of damaged) {
      this.note(
        `${path} has ${formatCount(badBytes)} bytes that are no batches; loglady inspect-segment ${path} shows them`,
      )
    }
    const what = check ? `${stale.length} stale` : `${rebuilt.length} rebuilt`
    this.note(`${what} of the indexes of ${formatQuantity(results.length, 'segment')}`)
    if (check) this.exitCode = stale.length + damaged.length > 0 ? 1 : 0
    else this.exitCode = damaged.length > 0 ? 3 : 0
  }
}

/** A topic and one of its segments may both be named. */
function uniqueSegments(segments: readonly SegmentContext[]): SegmentContext[] {
  return [...new Map(segments.map(segment => [segment.logPath, segment])).values()]
}
