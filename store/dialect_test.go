package store

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The SQL of the package keeps to what SQLite and all engines that speak PostgreSQL's protocol have in common: also those that
// no test here runs on, such as CockroachDB, YugabyteDB, AlloyDB and Aurora, and poolers in transaction mode. What parses on
// SQLite and on PostgreSQL is half of that; these rules are the other half.
var forbidden = []struct{ pattern, why string }{
	{
		`SEQUENCE|NEXTVAL|CURRVAL|LASTVAL|SETVAL|(SMALL|BIG)?SERIAL[248]?|GENERATED|IDENTITY\s*\(|AUTOINCREMENT|LAST_INSERT_ROWID`,
		"keys are drawn by the caller: a sequence is a hot range, and a repeat would draw another number",
	},
	{`EXTENSION`, "extensions need a superuser, and other engines have none"},
	{`LISTEN|NOTIFY|UNLISTEN`, "belongs to a session; poolers and other engines have none"},
	{`PG_\w+`, "one engine's; advisory locks do nothing on others, or belong to a session"},
	{`SET\s+(SESSION|LOCAL|TRANSACTION|TIME)|SET_CONFIG|CURRENT_SETTING|DISCARD|RESET`, "settings of a session; poolers give it to others"},
	{`FOR\s+(NO\s+KEY\s+)?(UPDATE|SHARE|KEY\s+SHARE)|SKIP\s+LOCKED|NOWAIT|LOCK`, "SQLite has no row locks, and serializable needs none"},
	{`PREPARE|EXECUTE|DEALLOCATE|DECLARE|CURSOR`, "belongs to a session"},
	{`TEMP|TEMPORARY|UNLOGGED|MATERIALIZED`, "belongs to a session, or to one engine"},
	{
		`FUNCTION|PROCEDURE|TRIGGER|CREATE\s+(\w+\s+)?(RULE|DOMAIN|TYPE|VIEW|SCHEMA|OPERATOR)|DO\s+(''|\$\$)|TABLESPACE`,
		"code and types in the database are one engine's",
	},
	{
		`ARRAY|UNNEST|ANY\s*\(|LATERAL|TABLESAMPLE|GENERATE_SERIES|STRING_AGG|GROUP_CONCAT|DISTINCT\s+ON|ENCODE|DECODE|DIGEST|IFNULL|NVL|INSTR`,
		"one engine's",
	},
	{`NOW\s*\(|CURRENT_(TIMESTAMP|DATE|TIME)|LOCALTIME\w*|CLOCK_TIMESTAMP|STRFTIME|JULIANDAY|UNIXEPOCH`, "a transaction has one time, and it is ours"},
	{`RANDOM|GEN_RANDOM_UUID|RANDOMBLOB`, "an Update may run twice"},
	{`OFFSET`, "pages go by keys: what is skipped is read all the same"},
	{`LIKE|ILIKE|SIMILAR|GLOB|REGEXP|MATCH`, "SQLite does not tell letters apart by case, and a stranger's % is a pattern"},
	{`INSERT\s+OR|REPLACE\s+INTO|WITHOUT\s+ROWID|STRICT|ROWID|CTID|XMIN`, "one engine's"},
	{`REFERENCES|FOREIGN\s+KEY`, "SQLite would not hold it: foreign keys are off"},
	{`CONCURRENTLY|VACUUM|REINDEX|ANALYZE|TRUNCATE|CLUSTER`, "not in a transaction, or one engine's"},
	{`USING\s+(GIN|GIST|BRIN|HASH|BTREE)|INCLUDE\s*\(`, "one engine's index"},
}

// The same for signs.
var forbiddenSigns = []struct{ pattern, why string }{
	{`::`, "CAST is for both"},
	{`->|#>|@>|<@|\?[|&]`, "operators on JSON; lists and maps are only ever read whole"},
	{`[^<>!]~|!~`, "regular expressions are one engine's"},
	{`SELECT\s+(\w+\.)?\*`, "a query names its columns: another node may have added one"},
	{`\[\s*\]`, "arrays are one engine's"},
}

var (
	quotedText = regexp.MustCompile(`'[^']*'`)
	comment    = regexp.MustCompile(`(?m)--.*$`)
)

// lintSQL says what is wrong with a text.
func lintSQL(sql string, columns map[string]map[string]string) []string {
	plain := strings.ToUpper(quotedText.ReplaceAllString(comment.ReplaceAllString(sql, ""), "''"))
	var wrong []string
	for _, f := range forbidden {
		if found := regexp.MustCompile(`\b(` + f.pattern + `)(\b|\W|$)`).FindString(plain); found != "" {
			wrong = append(wrong, fmt.Sprintf("%s: %s", found, f.why))
		}
	}
	for _, f := range forbiddenSigns {
		if found := regexp.MustCompile(f.pattern).FindString(plain); found != "" {
			wrong = append(wrong, fmt.Sprintf("%s: %s", found, f.why))
		}
	}
	if regexp.MustCompile(`^\s*(UPDATE|DELETE)\b`).MatchString(plain) && strings.Contains(outside(plain), "LIMIT") {
		wrong = append(wrong, "LIMIT of an UPDATE or a DELETE: one engine's")
	}
	wrong = append(wrong, lintTypes(plain)...)
	return append(wrong, lintOrder(plain, columns)...)
}

// outside is a text without what stands in parentheses.
func outside(sql string) string {
	inner := regexp.MustCompile(`\([^()]*\)`)
	for inner.MatchString(sql) {
		sql = inner.ReplaceAllString(sql, "")
	}
	return sql
}

var (
	table     = regexp.MustCompile(`CREATE\s+TABLE\s+(\w+)\s*\(((?:[^()]|\([^()]*\))*)\)`)
	column    = regexp.MustCompile(`^\s*(\w+)\s+(\w+)`)
	added     = regexp.MustCompile(`ALTER\s+TABLE\s+(\w+)\s+ADD\s+COLUMN\s+(\w+)\s+(\w+)`)
	constrain = []string{"PRIMARY", "UNIQUE", "CHECK", "CONSTRAINT"}
)

// columnsOf are the tables of a migration: columns and their types, all in capitals.
func columnsOf(sql string) map[string]map[string]string {
	plain := strings.ToUpper(comment.ReplaceAllString(sql, ""))
	tables := map[string]map[string]string{}
	for _, m := range table.FindAllStringSubmatch(plain, -1) {
		tables[m[1]] = map[string]string{}
		for _, line := range strings.Split(m[2], ",\n") {
			if c := column.FindStringSubmatch(line); c != nil && !slices.Contains(constrain, c[1]) {
				tables[m[1]][c[1]] = c[2]
			}
		}
	}
	for _, m := range added.FindAllStringSubmatch(plain, -1) {
		tables[m[1]] = map[string]string{m[2]: m[3]}
	}
	return tables
}

// types are those that all engines have.
var types = []string{"TEXT", "BYTEA", "BIGINT", "BOOLEAN"}

var cast = regexp.MustCompile(`\bAS\s+(\w+)\s*\)`)

func lintTypes(plain string) (wrong []string) {
	for name, columns := range columnsOf(plain) {
		for column, kind := range columns {
			if !slices.Contains(types, kind) {
				wrong = append(wrong, fmt.Sprintf("%s.%s is %s: the types are TEXT, BYTEA, BIGINT and BOOLEAN", name, column, kind))
			}
		}
	}
	for _, m := range cast.FindAllStringSubmatch(plain, -1) {
		if !slices.Contains(append(types, "INTEGER"), m[1]) { // SUBSTR counts by INTEGER
			wrong = append(wrong, "a cast to "+m[1]+": it is one engine's")
		}
	}
	return wrong
}

var (
	mentioned = regexp.MustCompile(`\b(?:FROM|JOIN|UPDATE)\s+(\w+)(?:\s+(\w+))?`)
	orders    = regexp.MustCompile(`ORDER\s+BY\s+((?:[^()]|\([^()]*\))*?)(?:\bLIMIT\b|\)|$)`)
	compared  = regexp.MustCompile(`((?:\w+\.)?\w+)\s*(?:<=|>=|<|>)[^>]|(?:MIN|MAX)\s*\(\s*((?:\w+\.)?\w+)`)
)

// isText tells whether a text orders by a column as text. A name without its table is that of every table that is named.
func isText(name, plain string, columns map[string]map[string]string) bool {
	alias, bare, qualified := strings.Cut(name, ".")
	if !qualified {
		bare = name
	}
	text := false
	for _, m := range mentioned.FindAllStringSubmatch(plain, -1) {
		kind := columns[m[1]][bare]
		if kind == "" || qualified && m[1] != alias && m[2] != alias {
			continue
		}
		if kind != "TEXT" {
			return false
		}
		text = true
	}
	return text
}

// lintOrder finds where the order of texts would be a matter of the database's language.
func lintOrder(plain string, columns map[string]map[string]string) (wrong []string) {
	for _, m := range orders.FindAllStringSubmatch(plain, -1) {
		for _, term := range strings.Split(m[1], ",") {
			words := strings.Fields(term)
			if len(words) > 0 && isText(words[0], plain, columns) && !slices.Contains(words, "COLLATE") {
				wrong = append(wrong, "ORDER BY "+words[0]+": texts are ordered by their bytes: byBytes and COLLATE BINARY")
			}
		}
	}
	for _, m := range compared.FindAllStringSubmatch(plain, -1) {
		if name := m[1] + m[2]; isText(name, plain, columns) && !strings.Contains(plain, name+" COLLATE") {
			wrong = append(wrong, name+" is compared: texts are compared by their bytes: byBytes and COLLATE BINARY")
		}
	}
	return wrong
}

// schema reads the migrations.
func schema(t *testing.T) (files map[string]string, columns map[string]map[string]string) {
	t.Helper()
	files, columns = map[string]string{}, map[string]map[string]string{}
	paths, err := filepath.Glob("migrations/*.sql")
	must(t, err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		must(t, err)
		files[path] = string(text)
		for name, of := range columnsOf(string(text)) {
			if columns[name] == nil {
				columns[name] = map[string]string{}
			}
			maps.Copy(columns[name], of)
		}
	}
	return files, columns
}

func TestCommonDialect(t *testing.T) {
	files, columns := schema(t)
	if len(files) < 4 || columns["LOGINS"]["HASH"] != "BYTEA" || columns["ROLES"]["BOUNDARY"] != "TEXT" {
		t.Fatalf("read %d migrations, and of them %v", len(files), columns)
	}
	for path, text := range files {
		for _, wrong := range lintSQL(text, columns) {
			t.Errorf("%s: %s", path, wrong)
		}
	}
	if len(statements) < 100 {
		t.Errorf("%d statements are registered", len(statements))
	}
	for _, q := range statements {
		for _, text := range q.text {
			for _, wrong := range lintSQL(text, columns) {
				t.Errorf("%s\n%s", wrong, text)
			}
		}
	}
}

// What is said in one engine's words, or to a database that no node serves, and is not registered: a transaction's begin and
// end, the pragmas of a file, the question whether a pooler is in between, and an offline move.
var ownWords = regexp.MustCompile(`^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PRAGMA|SELECT MAX\(version_id\) FROM $|SELECT pg_backend_pid\(\)$|` +
	`SELECT set_config\('statement_timeout'|SELECT '0'$|SELECT (name|COUNT\(\*\)) FROM sqlite_schema|SELECT name, type, pk FROM pragma_table_info|` +
	`DELETE FROM settings WHERE name (= \$1|<> '%s')$)`)

var verb = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|DROP|SET|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PRAGMA|LISTEN|LOCK|DO) `)

// blank is what a text leaves to be filled in before it is a statement, and how the engines write parameters and bytes.
var blank = regexp.MustCompile(`\b(KIND|TABLE|INLINE|ATTACHED|BOUNDARY|THIS)\b|COLLATE BINARY`)

func quoteAll(parts []string) []string {
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return parts
}

// No SQL comes in past the list of statements.
func TestEverySQLTextIsAStatement(t *testing.T) {
	var all strings.Builder
	for _, q := range statements {
		all.WriteString(strings.ReplaceAll(q.text[sqlite], "?", "$") + "\n" + q.text[postgres] + "\n")
	}
	fset := token.NewFileSet()
	paths, err := filepath.Glob("*.go")
	must(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, 0)
		must(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			must(t, err)
			known := regexp.MustCompile(strings.Join(quoteAll(blank.Split(text, -1)), `[\s\S]*?`))
			if verb.MatchString(text) && !known.MatchString(all.String()) && !ownWords.MatchString(text) {
				t.Errorf("%s: no registered statement: %s", fset.Position(literal.Pos()), text)
			}
			return true
		})
	}
}

// The rules find what they are for.
func TestDialectRules(t *testing.T) {
	_, columns := schema(t)
	for _, good := range []string{
		`SELECT id FROM identities WHERE pool = $1 AND id > $2 ORDER BY id LIMIT $3`,
		`SELECT name FROM roles WHERE account = $1 AND name_key COLLATE "C" > $2 ORDER BY name_key COLLATE "C"`,
		`UPDATE settings SET value = $2 WHERE name = 'NOW() OFFSET nextval'`,
		`DELETE FROM logins WHERE hash IN (SELECT hash FROM logins LIMIT 5)`,
		`SELECT name_key FROM users ORDER BY name_key`, // as bytes
	} {
		if wrong := lintSQL(good, columns); wrong != nil {
			t.Errorf("%s\nis good, and found: %v", good, wrong)
		}
	}
	for _, bad := range []string{
		`CREATE TABLE a (id BIGSERIAL PRIMARY KEY)`, `CREATE TABLE a (id BIGINT GENERATED ALWAYS AS IDENTITY)`,
		`CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT)`, `CREATE SEQUENCE a`, `SELECT nextval('a')`,
		`CREATE TABLE a (id UUID NOT NULL)`, "CREATE TABLE a (\n id BYTEA NOT NULL,\n n INT NOT NULL)", `CREATE TABLE a (b TEXT REFERENCES c)`,
		`CREATE TEMP TABLE a (id TEXT)`, `CREATE UNLOGGED TABLE a (id TEXT)`, `ALTER TABLE roles ADD COLUMN a JSONB`,
		`CREATE EXTENSION pgcrypto`, `CREATE INDEX a ON b USING gin (c)`, `CREATE INDEX CONCURRENTLY a ON b (c)`,
		`CREATE FUNCTION a() RETURNS BIGINT`, `CREATE TRIGGER a`, `LISTEN a`, `NOTIFY a`, `SELECT pg_notify('a', 'b')`,
		`SELECT pg_advisory_xact_lock(1)`, `SELECT pg_try_advisory_lock(1)`, `SET SESSION a = 1`, `SET LOCAL a = 1`,
		`SELECT set_config('a', 'b', FALSE)`, `SELECT id FROM pools FOR UPDATE`, `SELECT id FROM pools FOR NO KEY UPDATE SKIP LOCKED`,
		`LOCK TABLE pools`, `SELECT id FROM pools LIMIT 1 OFFSET 2`, `SELECT id::text FROM pools`, `SELECT CAST(id AS UUID) FROM pools`, `SELECT settings->>'a' FROM pools`,
		`SELECT id FROM pools WHERE settings @> '{}'`, `SELECT id FROM pools WHERE name LIKE 'a%'`, `SELECT id FROM pools WHERE name ~ 'a'`,
		`SELECT id FROM pools WHERE id = ANY($1)`, `SELECT id FROM unnest($1)`, `SELECT DISTINCT ON (id) id FROM pools`,
		`SELECT now()`, `SELECT CURRENT_TIMESTAMP`, `SELECT random()`, `SELECT gen_random_uuid()`, `SELECT * FROM pools`, `SELECT p.* FROM pools p`,
		`INSERT OR IGNORE INTO pools (key) VALUES (1)`, `REPLACE INTO pools (key) VALUES (1)`, `SELECT rowid FROM pools`,
		`DELETE FROM logins WHERE pool = 1 LIMIT 5`, `UPDATE logins SET pool = 1 LIMIT 5`, `TRUNCATE pools`, `PREPARE a AS SELECT 1`,
		`SELECT name FROM pools ORDER BY name`, `SELECT id FROM pools ORDER BY id, name LIMIT 5`, `SELECT r.name FROM roles r ORDER BY r.name`,
		`SELECT id FROM (SELECT id, name FROM pools ORDER BY name) p`, `SELECT name FROM pools WHERE name > $1`, `SELECT MAX(name) FROM pools`,
	} {
		if wrong := lintSQL(bad, columns); wrong == nil {
			t.Errorf("nothing wrong was found: %s", bad)
		}
	}
}
