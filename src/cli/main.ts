import { readFileSync } from 'node:fs'
import { join } from 'node:path'
// Imported for its side effect: its listener on stdout has to be there before `watchStandardStreams` removes it.
import '@oclif/core/command'
import { Config } from '@oclif/core/config'
import type { PJSON } from '@oclif/core/interfaces'
import { run } from '@oclif/core/run'
import { settings } from '@oclif/core/settings'
import { InvalidArgumentError } from '../log/index.ts'
import { didYouMean } from './did-you-mean.ts'
import { isClosedPipe } from './exit-codes.ts'
import { failed } from './outcome.ts'
import { drained, writeTo } from './streams.ts'
import { versionLine } from './version.ts'

/** Runs one command line and returns when everything is written; the exit code is in `process.exitCode`. */
export async function main(root: string, argv: readonly string[]): Promise<void> {
  watchStandardStreams()
  try {
    await dispatch(root, argv)
  } catch (error) {
    failed(error, { command: 'loglady' })
  }
  await drained(process.stdout).catch((error: unknown) => failed(error, { command: 'loglady' }))
}

/** Tells about an error that nobody caught. What the process was doing is lost with it, so it has to end. */
export function crashed(error: unknown): void {
  failed(error, { command: 'loglady', debug: true })
}

async function dispatch(root: string, argv: readonly string[]): Promise<void> {
  const pjson: PJSON = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const first = argv[0]
  if (first === '-V' || first === '--version') {
    await writeTo(process.stdout, `${versionLine(pjson.version)}\n`)
    return
  }
  const isHelp = first === '-h' || first === '--help'
  if (first?.startsWith('-') && !isHelp) {
    const hint = `flags stand behind it: loglady COMMAND ${first}; loglady --help lists the commands`
    throw new InvalidArgumentError(`${first} stands where a command is expected`, { hint })
  }
  // With NODE_ENV=development or test in the user's shell oclif looks for TypeScript sources to compile.
  settings.enableAutoTranspile = false
  const options = { root, pjson, isRoot: true }
  try {
    await run(first === 'help' ? [...argv.slice(1), '--help'] : [...argv], options)
  } catch (error) {
    const unknown = /^command (\S+) not found$/i.exec((error as Error).message)
    throw unknown === null ? error : await unknownCommand(unknown[1]!, options)
  }
}

/** Oclif joins all words up to the first flag to an id: `raed:events`, `topics:descibe:events`. */
async function unknownCommand(id: string, options: Parameters<typeof Config.load>[0]): Promise<Error> {
  const known = (await Config.load(options)).commandIDs
  const words = id.split(':')
  const isParent = known.some(other => other.startsWith(`${words[0]}:`))
  const parent = isParent && words.length > 1 ? words[0]! : undefined
  const word = words[parent === undefined ? 0 : 1]!
  const prefix = parent === undefined ? '' : `${parent}:`
  const siblings = known.filter(other => other.startsWith(prefix) && other !== parent)
  const near = didYouMean(word, new Set(siblings.map(other => other.slice(prefix.length).split(':')[0]!)))
  const before = parent === undefined ? 'loglady' : `loglady ${parent}`
  const hint = near === undefined ? `${before} --help lists the commands` : `did you mean ${before} ${near}?`
  return new InvalidArgumentError(`${word} is no command${parent === undefined ? '' : ` of ${parent}`}`, { hint })
}

/**
 * Importing oclif's Command puts a listener on stdout that throws every error but EPIPE out of the event loop, as a stack
 * with exit code 1. Whoever writes here waits for the write and gets its error there; the events are then nothing new.
 */
function watchStandardStreams(): void {
  process.stdout.removeAllListeners('error')
  process.stdout.on('error', error => {
    if (!isClosedPipe(error)) process.exitCode = 2
  })
  // With nobody to read what went wrong there is nobody to tell that it can't be told.
  process.stderr.on('error', () => {})
}
