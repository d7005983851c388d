package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"idpool/identity"

	"github.com/jackc/pgx/v5"
)

// crowd is generated data, the same each time: so many identities, half of them in one pool and the rest spread over 1,999
// others, of 200 accounts. Of ten identities one is a guest, one has two logins, and eight have one.
type crowd struct{ size int }

const (
	crowdPools    = 2000
	crowdAccounts = 200
	developer     = "login.developer.example.com"
)

// crowdSize is 200,000, or what IDPOOL_TEST_ROWS says; then figures are asked for.
func crowdSize(t *testing.T) (size int, figures bool) {
	t.Helper()
	text := os.Getenv("IDPOOL_TEST_ROWS")
	if text == "" {
		return 200_000, false
	}
	size, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("IDPOOL_TEST_ROWS: %v", err)
	}
	return size, true
}

// draw makes 32 bytes that only kind and number decide.
func draw(kind byte, n int) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte{kind}, uint64(n)))
}

func (crowd) identity(n int) identity.ID {
	random := draw('i', n)
	return identity.NewID([16]byte(random[:16]))
}

// poolOf is the number of an identity's pool.
func (crowd) poolOf(n int) int {
	random := draw('p', n)
	if random[0]&1 == 0 {
		return 0
	}
	return 1 + int(binary.BigEndian.Uint32(random[1:]))%(crowdPools-1)
}

func (crowd) poolKey(pool int) int64 {
	random := draw('k', pool)
	return int64(binary.BigEndian.Uint64(random[:]) >> 1)
}

func (crowd) poolID(pool int) identity.ID {
	random := draw('d', pool)
	return identity.NewID([16]byte(random[:16]))
}

func (crowd) account(pool int) string { return fmt.Sprintf("%012d", pool%crowdAccounts) }

// logins are those of an identity.
func (crowd) logins(n int) []identity.Login {
	subject := draw('s', n)
	public := identity.Login{Provider: "login.example.com/realms/customers", Subject: fmt.Sprintf("%x", subject[:16])}
	own := identity.Login{Provider: developer, Subject: fmt.Sprintf("user-%d@example.com", n)}
	switch n % 10 {
	case 0:
		return nil
	case 1:
		return []identity.Login{public, own}
	case 2:
		return []identity.Login{own}
	}
	return []identity.Login{public}
}

// with finds an identity with a login of the developer's, by chance.
func (c crowd) with(r *rand.Rand) int { return r.IntN(c.size/10)*10 + 1 + r.IntN(2) }

// load puts the crowd into a migrated database. The indexes are made at the end: that is many times as fast.
func (c crowd) load(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	drop, build := indexesOf(t, conn)
	pgExec(t, conn, drop)
	c.copy(t, conn, "accounts", []string{"id", "version", "created"}, crowdAccounts, func(n int, row func(...any)) {
		row(c.account(n), int64(1), int64(0))
	})
	pools := []string{"key", "id", "account", "region", "name", "settings", "version", "epoch", "created", "deleted", "swept"}
	c.copy(t, conn, "pools", pools, crowdPools, func(n int, row func(...any)) {
		id := c.poolID(n)
		row(c.poolKey(n), id[:], c.account(n), regionR, fmt.Sprint("pool ", n), "{}", int64(1), int64(0), int64(0), int64(0), int64(0))
	})
	identities := []string{"id", "pool", "disabled", "epoch", "created", "modified"}
	c.copy(t, conn, "identities", identities, c.size, func(n int, row func(...any)) {
		id := c.identity(n)
		row(id[:], c.poolKey(c.poolOf(n)), n%50 == 0, int64(0), int64(n), int64(n))
	})
	logins := []string{"pool", "hash", "identity", "provider", "subject", "linked"}
	c.copy(t, conn, "logins", logins, c.size, func(n int, row func(...any)) {
		id := c.identity(n)
		for _, l := range c.logins(n) {
			hash := l.Hash()
			row(c.poolKey(c.poolOf(n)), hash[:], id[:], []byte(l.Provider), []byte(l.Subject), int64(n))
		}
	})
	pgExec(t, conn, "SET maintenance_work_mem = '512MB'")
	for _, statement := range build {
		pgExec(t, conn, statement)
	}
	pgExec(t, conn, "VACUUM ANALYZE")
}

// copy fills a table; make gives the rows of a number.
func (crowd) copy(t *testing.T, conn *pgx.Conn, table string, columns []string, size int, make func(n int, row func(...any))) {
	t.Helper()
	var waiting [][]any
	n := 0
	_, err := conn.CopyFrom(t.Context(), pgx.Identifier{table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		for len(waiting) == 0 && n < size {
			make(n, func(values ...any) { waiting = append(waiting, values) })
			n++
		}
		if len(waiting) == 0 {
			return nil, nil
		}
		row := waiting[0]
		waiting = waiting[1:]
		return row, nil
	}))
	must(t, err)
}

// indexesOf makes statements that drop the keys and indexes of the large tables, and such that make them again.
func indexesOf(t *testing.T, conn *pgx.Conn) (drop string, build []string) {
	t.Helper()
	var drops []string
	for _, table := range []string{"identities", "logins"} {
		var key, definition string
		must(t, conn.QueryRow(t.Context(), `SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
			WHERE contype = 'p' AND conrelid = CAST($1 AS regclass)`, table).Scan(&key, &definition))
		drops = append(drops, fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", table, key))
		build = append(build, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s", table, key, definition))
		rows, err := conn.Query(t.Context(), `SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1 AND indexname <> $2`, table, key)
		must(t, err)
		for rows.Next() {
			var name, definition string
			must(t, rows.Scan(&name, &definition))
			drops = append(drops, "DROP INDEX "+name)
			build = append(build, strings.Replace(definition, " ON ONLY ", " ON ", 1))
		}
		must(t, rows.Err())
	}
	return strings.Join(drops, "; "), build
}
