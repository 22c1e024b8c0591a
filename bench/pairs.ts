import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command, Job } from './jobs.ts'
import { runInShell, type ShellRun, timeInShell } from './shell.ts'

export interface JobRuns {
  job: Job
  loglady: ShellRun[]
  baseline: ShellRun[]
  /** The most that a loglady process held in memory, bytes; 0 if it is not known. */
  peakBytes: number
}

export interface PairsOptions {
  folder: string
  runs: number
  env: NodeJS.ProcessEnv
  signal: AbortSignal
  onRound: (round: number) => void
}

/**
 * In turn: baseline, loglady, baseline, loglady … On a machine whose disk and neighbours change by the minute only the
 * ratio of two runs side by side says anything. A first pair warms the caches up; it is not timed, and in it loglady notes
 * how much memory it took. Every run's output is held against the input.
 */
export async function runPairs(job: Job, options: PairsOptions): Promise<JobRuns> {
  const result: JobRuns = { job, loglady: [], baseline: [], peakBytes: 0 }
  for (let round = 0; round <= options.runs; round++) {
    options.onRound(round)
    const plain = await runOnce(job.baseline, options.env, options)
    const own = await (round === 0 ? warmUp(job.loglady, options, result) : runOnce(job.loglady, options.env, options))
    if (round === 0) continue
    result.baseline.push(plain)
    result.loglady.push(own)
  }
  return result
}

async function runOnce(
  { text, before, check }: Command,
  env: NodeJS.ProcessEnv,
  options: PairsOptions,
): Promise<ShellRun> {
  // Nobody shall write back what the run before has left.
  await runInShell(`${before === undefined ? '' : `${before}; `}sync`, options.env, options.signal)
  const run = await timeInShell(text, env, options.signal)
  await runInShell(check, options.env, options.signal)
  return run
}

async function warmUp(command: Command, options: PairsOptions, result: JobRuns): Promise<ShellRun> {
  const note = join(options.folder, 'peak-memory')
  const preload = join(options.folder, 'note-memory.cjs')
  rmSync(note, { force: true })
  writeFileSync(preload, noteMemory(note))
  const run = await runOnce(command, { ...options.env, NODE_OPTIONS: `--require=${preload}` }, options)
  result.peakBytes = 1024 * Number(readFileSync(note, 'utf8'))
  return run
}

/** A process that is told to do this at its end is otherwise the same. maxRSS is in KiB. */
function noteMemory(path: string): string {
  const value = 'String(process.resourceUsage().maxRSS)'
  return `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(path)}, ${value}))\n`
}
