//! Whether topic filters are well formed.

/** `+` fills a level, `#` fills the last one. */
export function validateTopic(topic: string): boolean {
  if (typeof topic !== 'string') return false
  const levels = topic.split('/')
  return levels.every((level, index) => {
    if (level === '+') return true
    if (level === '#') return index === levels.length - 1
    return !level.includes('+') && !level.includes('#')
  })
}

/** The first filter that is not well formed; `null` if all are. */
export function validateTopics(topics: string[]): string | null {
  if (topics.length === 0) return 'empty_topic_list'
  const bad = topics.findIndex((topic) => !validateTopic(topic))
  return bad < 0 ? null : String(topics[bad])
}
