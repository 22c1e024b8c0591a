import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as Args from '@oclif/core/args'
import { LogladyCommand } from '../cli/base-command.ts'
import { isWhole, type ReadBack } from '../cli/bench/chain-check.ts'
import { benchFlags, benchSettings, chooseJobs } from '../cli/bench/flags.ts'
import { isInMemory, machineFacts } from '../cli/bench/machine.ts'
import {
  formatFacts,
  formatMeasured,
  formatReadBack,
  formatSettings,
  type JsonResult,
  jsonResults,
} from '../cli/bench/report.ts'
import { BenchSession } from '../cli/bench/session.ts'
import { jobNames } from '../cli/bench/settings.ts'
import { InvalidArgumentError, StorageError } from '../log/index.ts'

export default class Bench extends LogladyCommand {
  static override summary = 'Measure this machine and its disk: appends, reads and the rest, beside plain files.'
  static override description =
    `Jobs: append (the lines of a file to a new topic), read (all values), tail (from one record's append to the follower's hands), seek (1,000 records by offset, then by time), recover (opening the log of a writer that was killed), reindex. All of them if none is named.

Each job is timed in turn with a baseline that moves the same bytes through plain files, with the same fsyncs, in this process. Every record carries a hash over itself and the record before it: after each append all records are read back, and one that is lost, doubled, out of order or changed ends with exit status 1.

It works in a temporary directory ($TMPDIR), which is removed at the end, also after a signal. Latencies of append run up to the ack, so up to a second with --sync end.`
  static override examples = [
    { description: 'Everything, with a million records of 100 bytes', command: 'loglady bench' },
    {
      description: 'Each batch synced, on the disk that the data will be on',
      command: 'loglady bench append --sync batch --batch-size 64K -d /mnt/data/bench',
    },
    {
      description: 'Five million larger records, for comparison with kafka-producer-perf-test',
      command: 'loglady bench append --num-records 5000000 --record-size 1000',
    },
    {
      description: "Records like one's own, compressed, the figures as JSON",
      command: 'loglady bench append read --payload-file events.ndjson --compression zstd --export-json bench.json',
    },
  ]
  static override args = {
    job: Args.string({
      ignoreStdin: true,
      multiple: true,
      description: `any of ${jobNames.join(', ')} (default: all, in this order)`,
    }),
  }
  static override flags = benchFlags
  static override flagHints = {
    '-n': 'how many records: --num-records N; how many runs: -r N',
    '--throughput': 'there is no throttle; tail measures the latency of single records',
    '--topic': 'bench makes its own topics',
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Bench)
    const jobs = chooseJobs((args.job as string[] | undefined) ?? [])
    const settings = benchSettings(flags)
    const exportPath = flags['export-json']
    if (exportPath !== undefined && !existsSync(dirname(exportPath))) {
      throw new InvalidArgumentError('no such folder for --export-json', { path: dirname(exportPath) })
    }
    const { signal } = this.interruption()
    const session = BenchSession.open({
      settings,
      jobs,
      dir: flags.dir,
      tailRecords: flags['num-records'] !== undefined && jobs.length === 1 ? flags['num-records'] : undefined,
      executable: [process.execPath, join(this.config.root, 'bin', 'run.js')],
      quiet: this.common.quiet,
      signal,
      onNote: note => this.note(note),
    })
    const results: JsonResult[] = []
    try {
      const machine = machineFacts(session.path)
      if (isInMemory(machine)) this.note(`${session.path} is in memory, where syncs cost nothing; -d names a place`)
      if (!flags.json) await this.print(`${formatFacts(machine, settings)}\n${formatSettings(settings)}`)
      for await (const measured of session.measure()) {
        const [own, baseline] = jsonResults(measured)
        results.push(own, baseline)
        if (flags.json) for (const result of [own, baseline]) await this.printJson(result)
        else await this.print(`\n${measured.name}\n${formatMeasured(measured)}`)
      }
      await this.#tellReadBacks(session.readBacks, results)
      if (exportPath !== undefined) writeExport(exportPath, { results, machine, settings })
    } catch (error) {
      // What a signal ended is an end like any other; the exit status says the rest.
      if (!signal.aborted) throw error
    } finally {
      session.close()
    }
  }

  async #tellReadBacks(readBacks: readonly ReadBack[], results: readonly JsonResult[]): Promise<void> {
    const worst = readBacks.find(found => !isWhole(found)) ?? readBacks.at(-1)
    if (worst === undefined) return
    if (!this.common.json) await this.print(`\n${formatReadBack(worst)}`)
    else if (!isWhole(worst)) this.plan(formatReadBack(worst))
    const failed = results.find(({ exit_codes }) => exit_codes.some(code => code !== 0))
    if (failed !== undefined) this.plan(`${failed.job}: what was read is not what was written`)
    if (failed !== undefined || !isWhole(worst)) this.exitCode = 1
  }
}

function writeExport(path: string, value: unknown): void {
  try {
    writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)
  } catch (cause) {
    throw new StorageError(`cannot be written: ${(cause as Error).message}`, { path, cause })
  }
}
