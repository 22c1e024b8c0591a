import { CorruptFileError } from '../errors.ts'
import { parseWholeNumber } from './checkpoint.ts'
import { readWholeFile } from './whole-file.ts'

const LIMIT = 1024 * 1024

/**
 * `meta.properties` of a data directory, a Java properties file that `kafka-storage format` writes: which broker of which
 * cluster the directory belongs to. A broker refuses to start on a directory that lacks it or has another's.
 *
 * ```
 * #\n#Mon Nov 23 01:34:27 UTC 2026\n
 * node.id=1\n directory.id=NiKFP-l22o84ZX6l18sRyA\n version=1\n cluster.id=b2xkLWdvbGRlbi1jbHVzdA\n
 * ```
 *
 * Version 0 (clusters with ZooKeeper) has broker.id in place of node.id; directory.id came with Kafka 3.7. loglady only
 * reads it.
 */
export interface MetaProperties {
  version: number
  clusterId?: string
  nodeId?: number
  directoryId?: string
  /** Everything that the file says. */
  properties: ReadonlyMap<string, string>
}

/** undefined if there is no such file. CorruptFileError: no version or one above 1, a node id that is no number. */
export function readMetaProperties(path: string): MetaProperties | undefined {
  const bytes = readWholeFile(path, LIMIT)
  return bytes === undefined ? undefined : parseMetaProperties(bytes, path)
}

export function parseMetaProperties(bytes: Buffer, path: string): MetaProperties {
  const properties = parseJavaProperties(bytes.toString('utf8'))
  const version = parseWholeNumber(properties.get('version')?.trim(), 1)
  if (version === undefined) throw malformed(path, 'version', '0 or 1', properties.get('version'))
  const nodeKey = version === 0 ? 'broker.id' : 'node.id'
  const nodeText = properties.get(nodeKey)
  const nodeId = parseWholeNumber(nodeText?.trim(), 2 ** 31 - 1)
  if (nodeText !== undefined && nodeId === undefined) throw malformed(path, nodeKey, 'a number', nodeText)
  const clusterId = properties.get('cluster.id')
  const directoryId = properties.get('directory.id')
  return {
    version,
    ...(clusterId === undefined ? {} : { clusterId }),
    ...(nodeId === undefined ? {} : { nodeId }),
    ...(directoryId === undefined ? {} : { directoryId }),
    properties,
  }
}

function malformed(path: string, key: string, expected: string, found: string | undefined): CorruptFileError {
  const text = found === undefined ? 'none' : JSON.stringify(found.slice(0, 60))
  return new CorruptFileError(`wrong ${key}, expected ${expected}, found ${text}`, { path })
}

/**
 * The format of java.util.Properties: '#' and '!' begin a comment, a '\' at the end of a line joins the next one to it, the
 * key ends at the first '=', ':' or blank that has no '\' in front, and `\t \n \r \f \uXXXX` are escapes.
 */
export function parseJavaProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  for (const line of logicalLines(text)) {
    const key = /^(?:\\.|[^\\=:\s])*/s.exec(line)![0]
    const separator = /^\s*[=:]?\s*/.exec(line.slice(key.length))![0]
    properties.set(unescaped(key), unescaped(line.slice(key.length + separator.length)))
  }
  return properties
}

function logicalLines(text: string): string[] {
  const lines: string[] = []
  let joined = ''
  for (const raw of text.split(/\r\n|\n|\r/)) {
    const line = raw.replace(/^[ \t\f]+/, '')
    if (joined === '' && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue
    const slashes = /\\*$/.exec(line)![0].length
    if (slashes % 2 === 1) {
      joined += line.slice(0, -1)
      continue
    }
    lines.push(joined + line)
    joined = ''
  }
  if (joined !== '') lines.push(joined)
  return lines
}

const escapes: Record<string, string> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, code: string | undefined, character: string) =>
    code === undefined ? (escapes[character] ?? character) : String.fromCharCode(Number.parseInt(code, 16)),
  )
}
