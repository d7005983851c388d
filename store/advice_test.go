package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"idpool/internal/pgtest"
)

// rights is who may come in how: the owner with a password, the test as it likes, and nobody else.
const rights = "host all app 127.0.0.1/32 scram-sha-256\nhost all clerk 127.0.0.1/32 trust\nhost all postgres 127.0.0.1/32 trust\n"

// A server that answers is not unavailable: what it refuses says what to do.
func TestAdvice(t *testing.T) {
	t.Setenv("PGPASSWORD", "")
	t.Setenv("PGPASSFILE", filepath.Join(t.TempDir(), "none"))
	server := pgtest.NewOwn(t, func(dir string) {
		must(t, os.WriteFile(filepath.Join(dir, "pg_hba.conf"), []byte(rights), 0o600))
	})
	direct := pgDirect(t, server.URL())
	for _, sql := range []string{
		"CREATE ROLE app LOGIN PASSWORD 'hush'", "CREATE ROLE clerk LOGIN", "CREATE ROLE stranger LOGIN", "CREATE DATABASE idpool OWNER app",
		"CREATE DATABASE closed", "REVOKE CONNECT ON DATABASE closed FROM PUBLIC", "CREATE DATABASE made",
		"CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'", "CREATE DATABASE bare TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'",
	} {
		pgExec(t, direct, sql)
	}
	address := strings.TrimSuffix(strings.TrimPrefix(server.URL(), "postgres://postgres@"), "/postgres?sslmode=disable")
	openAt(t, "postgres://postgres@"+address+"/made?sslmode=disable", Options{})
	empty := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(empty, nil, 0o600))

	const login, lacks = "wrong or no password, or the server's pg_hba.conf has no line for this user", "the role lacks rights: see Roles in docs/operations.md"
	for _, row := range []struct{ name, url, want string }{
		{"a wrong password", "app:hush-hush@" + address + "/idpool", login},
		{"no password", "app@" + address + "/idpool", login},
		{"a role that is not there", "nobody:hush@" + address + "/idpool", login},
		{"no line in pg_hba.conf", "stranger@" + address + "/idpool", login},
		{"no database", "app:hush@" + address + "/none", "make the database: CREATE DATABASE"},
		{"no right to connect", "app:hush@" + address + "/closed", lacks},
		{"no right to make tables", "clerk@" + address + "/idpool", lacks},
		{"no right to read", "clerk@" + address + "/made", lacks},
		{"another encoding", "clerk@" + address + "/latin", "make the database with ENCODING 'UTF8'"},
		{"no encoding", "clerk@" + address + "/bare", "make the database with ENCODING 'UTF8'"},
		{"an unknown parameter", "clerk@" + address + "/made?nothing=1", "the URL has a parameter that nobody knows"},
		{"a parameter unknown to a pooler", strings.TrimPrefix(server.Bouncer(t, 2), "postgres://") + "&nothing=1", "the URL has a parameter that nobody knows"},
		{"no certificate", "clerk@" + address + "/made?sslmode=verify-full&sslrootcert=" + empty, "the file of sslrootcert holds no PEM certificate"},
	} {
		for name, more := range map[string]string{"": "", ", with a mode": pgMode + "=exec"} {
			t.Run(row.name+name, func(t *testing.T) {
				mark := "?"
				if strings.Contains(row.url, "?") {
					mark = "&"
				}
				_, err := Open(t.Context(), "postgres://"+row.url+mark+more, Options{})
				if err == nil || !strings.Contains(err.Error(), row.want) || errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "hush") ||
					strings.Contains(err.Error(), "\n") {
					t.Errorf("%v", err)
				}
			})
		}
	}
	t.Run("a move", func(t *testing.T) {
		_, err := OpenMove(t.Context(), "postgres://app@"+address+"/idpool", filepath.Join(t.TempDir(), "db"), Options{})
		if err == nil || !strings.Contains(err.Error(), login) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a node without rights", func(t *testing.T) {
		pgExec(t, pgDirect(t, "postgres://postgres@"+address+"/made"), "GRANT SELECT ON goose_db_version TO clerk")
		db := openAt(t, "postgres://clerk@"+address+"/made", Options{NoMigrate: true})
		if err := db.View(t.Context(), func(tx *Tx) error { return tx.row(testGet, []any{"a"}, new([]byte)) }); err == nil || !strings.Contains(err.Error(), lacks) {
			t.Errorf("%v", err)
		}
	})
}

// What cannot be reached is unavailable. Without sslmode it is tried twice, and the cause is told once.
func TestUnreachable(t *testing.T) {
	for name, url := range map[string]string{
		"one host": "postgres://u:hush@127.0.0.1:1/db", "with a mode": "postgres://u:hush@127.0.0.1:1/db?default_query_exec_mode=exec",
		"two hosts": "postgres://u:hush@127.0.0.1:1,127.0.0.1:2/db",
	} {
		_, err := Open(t.Context(), url, Options{})
		if !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%s: %v", name, err)
		}
		for _, address := range []string{"127.0.0.1:1 ", "127.0.0.1:2 "} {
			want := 1
			if !strings.Contains(url, strings.TrimSpace(address)) {
				want = 0
			}
			if n := strings.Count(err.Error(), address); n != want {
				t.Errorf("%s: %s is there %d times: %v", name, address, n, err)
			}
		}
	}
}
