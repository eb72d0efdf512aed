"""The tables of a shared memory, and how they are searched."""

from __future__ import annotations

from onlooker.plugins.memory.words import labels_of, question_grams, terms_of

MIGRATE = """
SELECT pg_advisory_lock(7240);
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA IF NOT EXISTS onlooker;
CREATE TABLE IF NOT EXISTS onlooker.entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session text NOT NULL, kind text NOT NULL,
    wall_s float8 NOT NULL, duration_s float8 NOT NULL,
    stream text, labels text NOT NULL, text text NOT NULL, grams text NOT NULL,
    jpeg bytea, vector vector(384),
    words tsvector GENERATED ALWAYS AS (
        to_tsvector('english', text || ' ' || labels) || to_tsvector('simple', grams)) STORED
);
CREATE INDEX IF NOT EXISTS entry_words ON onlooker.entry USING gin (words);
CREATE INDEX IF NOT EXISTS entry_vector ON onlooker.entry USING hnsw (vector vector_cosine_ops);
CREATE INDEX IF NOT EXISTS entry_wall ON onlooker.entry (wall_s);
CREATE INDEX IF NOT EXISTS entry_kind ON onlooker.entry (session, kind, wall_s);
CREATE TABLE IF NOT EXISTS onlooker.waiting (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, session text NOT NULL,
    wall_s float8 NOT NULL, duration_s float8 NOT NULL, told text NOT NULL
);
CREATE TABLE IF NOT EXISTS onlooker.state (session text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS onlooker.meta (
    one bool PRIMARY KEY DEFAULT true CHECK (one), num_deletes bigint NOT NULL DEFAULT 0
);
INSERT INTO onlooker.meta DEFAULT VALUES ON CONFLICT DO NOTHING;
SELECT pg_advisory_unlock(7240);
"""

COLUMNS = (
    "id, session, kind, wall_s, duration_s, stream, labels, text, jpeg IS NOT NULL AS has_picture"
)
_NARROWED = """
FROM onlooker.entry
WHERE ($1::text IS NULL OR stream = $1)
  AND ($2::float8 IS NULL OR wall_s + duration_s >= $2)
  AND ($3::float8 IS NULL OR wall_s <= $3)
  AND ($4::text[] IS NULL OR kind = ANY($4))
"""
SEARCH_NEWEST = f"SELECT {COLUMNS} {_NARROWED} ORDER BY wall_s DESC, id DESC LIMIT $5"
_QUERY = "(to_tsquery('english', $6) || to_tsquery('simple', $7))"
SEARCH_WORDS = f"""
SELECT {COLUMNS} {_NARROWED} AND words @@ {_QUERY}
ORDER BY ts_rank(words, {_QUERY}, 1) DESC, id DESC LIMIT $5"""
SEARCH_MEANING = f"""
SELECT {COLUMNS} {_NARROWED} AND 1 - (vector <=> $6::text::vector) >= $7
ORDER BY vector <=> $6::text::vector LIMIT $5"""
# A summary says what its segment held; a key frame shows what happened around it.
FORGET = """
WITH named AS (
    SELECT id, session, stream, wall_s, wall_s + duration_s AS end_s FROM onlooker.entry
    WHERE ($1::float8 IS NULL OR wall_s + duration_s >= $1)
      AND ($2::float8 IS NULL OR wall_s <= $2) AND ($3::text IS NULL OR stream = $3)
      AND ($4::text IS NULL OR words @@ (to_tsquery('english', $4) && to_tsquery('simple', $5)))
), doomed AS (
    SELECT id FROM named UNION
    SELECT entry.id FROM onlooker.entry JOIN named ON named.session = entry.session
    WHERE (entry.kind IN ('summary', 'block') AND named.wall_s <= entry.wall_s + entry.duration_s
           AND named.end_s >= entry.wall_s)
       OR ($4::text IS NOT NULL AND entry.kind = 'picture' AND entry.stream = named.stream
           AND entry.wall_s BETWEEN named.wall_s - 5 AND named.end_s + 5)
), gone AS (
    DELETE FROM onlooker.entry WHERE id IN (SELECT id FROM doomed) RETURNING jpeg IS NOT NULL AS had
), unowed AS (
    DELETE FROM onlooker.waiting WHERE EXISTS (
        SELECT 1 FROM named WHERE named.session = waiting.session
        AND named.wall_s <= waiting.wall_s + waiting.duration_s AND named.end_s >= waiting.wall_s)
    RETURNING 1
), counted AS (
    UPDATE onlooker.meta SET num_deletes = num_deletes + 1
    WHERE EXISTS (SELECT 1 FROM gone) OR EXISTS (SELECT 1 FROM unowed)
)
SELECT (SELECT count(*) FROM gone) AS entries, (SELECT count(*) FROM gone WHERE had) AS pictures,
       (SELECT count(*) FROM unowed) AS waiting"""


def tsquery_of(words: str, joined: str = " | ") -> tuple[str, str]:
    """Write what is looked for: in English stems, and in pairs of characters."""
    terms = terms_of(words)
    if joined == " | ":
        terms = [*terms, *labels_of(terms)]
    pairs = [gram if len(gram) > 1 else f"{gram}:*" for gram in question_grams(words)]
    return joined.join(map(_lexeme, terms)), joined.join(map(_lexeme, pairs))


def _lexeme(term: str) -> str:
    word, star, _ = term.partition(":*")
    quoted = "'" + word.replace("\\", " ").replace("'", " ") + "'"
    return f"{quoted}{star}"
