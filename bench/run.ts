/**
 * `npm run bench`: times the real commands as whole processes of the built loglady, each in turn with a command of the
 * system's that moves the same bytes. `npm run bench -- append read-file` runs some jobs only, `--quick` a tenth of the data
 * three times, `--runs N`, `--lines N`, `--export-json FILE` as their names say.
 *
 * Ten million lines of 100 bytes need up to 5 GB in $TMPDIR, all of it removed at the end, also after a signal.
 */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { formatMachine, machineFacts } from '../src/cli/bench/machine.ts'
import { writeLines } from './data.ts'
import { type Job, jobsIn, makeLog, type Place } from './jobs.ts'
import { type JobRuns, runPairs } from './pairs.ts'
import { formatRuns, toJson } from './report.ts'
import { runInShell } from './shell.ts'

const LINE_BYTES = 100
const checkout = fileURLToPath(new URL('..', import.meta.url))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    runs: { type: 'string' },
    lines: { type: 'string' },
    'export-json': { type: 'string' },
  },
})
const lines = Number(values.lines ?? (values.quick ? 1_000_000 : 10_000_000))
const runs = Number(values.runs ?? (values.quick ? 3 : 5))

const interruption = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => interruption.abort())

const folder = mkdtempSync(join(realpathSync(tmpdir()), 'loglady-bench-'))
try {
  await benchmark()
} catch (error) {
  if (!interruption.signal.aborted) throw error
  process.exitCode = 130
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

async function benchmark(): Promise<void> {
  const place: Place = {
    folder,
    input: join(folder, 'lines'),
    lines,
    bytes: lines * LINE_BYTES,
    loglady: `${quoted(process.execPath)} ${quoted(join(checkout, 'bin', 'run.js'))}`,
  }
  const jobs = chosen(jobsIn(place))
  const machine = machineFacts(folder)
  const { signal } = interruption
  const env = environment()
  console.log(formatMachine(machine))
  console.log(
    `${lines} lines of ${LINE_BYTES} bytes, warm cache, medians of ${runs} pairs; figures are loglady's time in`,
  )
  console.log('times of the baseline’s, and each run’s output was compared with its input\n')
  writeLines(place.input, lines, LINE_BYTES)
  if (!jobs.some(({ name }) => name.startsWith('append'))) await runInShell(makeLog(place), env, signal)
  const all: JobRuns[] = []
  for (const job of jobs) {
    const onRound = (round: number) =>
      process.stderr.write(`${job.name}: ${round === 0 ? 'warm-up' : `pair ${round}`}\n`)
    const result = await runPairs(job, { folder, runs, env, signal, onRound })
    all.push(result)
    console.log(`${formatRuns(result, place)}\n`)
  }
  const path = values['export-json']
  if (path !== undefined) writeFileSync(path, `${JSON.stringify(toJson(all, machine, place), null, 2)}\n`)
}

function chosen(jobs: Job[]): Job[] {
  for (const name of positionals) {
    if (!jobs.some(job => isNamed(job, name))) {
      throw new Error(`no job ${name}; there are ${jobs.map(job => job.name).join(', ')}, append and read`)
    }
  }
  return positionals.length === 0 ? jobs : jobs.filter(job => positionals.some(name => isNamed(job, name)))
}

function isNamed(job: Job, name: string): boolean {
  return job.name === name || job.name.startsWith(`${name}-`)
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** Without what some shells give every Node, which costs each start some milliseconds. */
function environment(): NodeJS.ProcessEnv {
  return { NODE_EXTRA_CA_CERTS: undefined, NODE_OPTIONS: undefined, LOGLADY_DIR: undefined }
}
