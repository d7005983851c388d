package store

import "strings"

// engine is one of the two kinds of database.
type engine int

const (
	sqlite engine = iota
	postgres
)

// stmt is one SQL statement. Its text is written once, in what both engines understand, with parameters $1, $2, ...;
// where an engine is better served by another text, on gives it that.
type stmt struct {
	text  [2]string // by engine
	reads bool      // changes nothing, and so may stand in a View
}

// statements are all statements of the package, so that a test can have both engines parse every one of them.
var statements []*stmt

// statement registers a statement. It is for package-level variables only: the list is not guarded.
func statement(text string) *stmt {
	q := fixed(text)
	statements = append(statements, q)
	return q
}

// byBytes is a statement in which texts are compared COLLATE BINARY: by their bytes, whatever the database's language.
func byBytes(text string) *stmt {
	return statement(text).on(postgres, strings.ReplaceAll(text, "COLLATE BINARY", `COLLATE "C"`))
}

// fixed is a statement that stands on its own: the engine's BEGIN and COMMIT, which no list needs.
func fixed(text string) *stmt {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	q := &stmt{reads: strings.EqualFold(word, "SELECT") || strings.EqualFold(word, "WITH")}
	return q.on(postgres, text).on(sqlite, text)
}

// on gives one engine a text of its own.
func (q *stmt) on(e engine, text string) *stmt {
	if e == sqlite {
		text = numbered(text)
	}
	q.text[e] = text
	return q
}

// String is the beginning of the text, for errors and logs. It never holds an argument.
func (q *stmt) String() string {
	text := strings.Join(strings.Fields(q.text[postgres]), " ")
	if len(text) > 60 {
		text = text[:60] + "..."
	}
	return text
}

// numbered turns $N into ?N. SQLite takes $N for a name, and drivers number names by their first appearance.
func numbered(text string) string {
	var b strings.Builder
	quoted := false
	for i := range len(text) {
		c := text[i]
		if c == '\'' {
			quoted = !quoted
		}
		if c == '$' && !quoted {
			c = '?'
		}
		b.WriteByte(c)
	}
	return b.String()
}
