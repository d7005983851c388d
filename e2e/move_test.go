package e2e

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

// movedTable is a line of what idpool move prints.
var movedTable = regexp.MustCompile(`(?m)^[a-z_]+ +\d+ +[0-9a-f]{64}$`)

// TestMove moves a deployment from SQLite to PostgreSQL and back by the command line: beside a node that runs, and killed in
// the middle, it does no harm, and what was given out before the move is good after it.
func TestMove(t *testing.T) {
	t.Parallel()
	issuer := []string{"--issuer-url", "http://127.0.0.1:1"}
	n := startNode(t, issuer...)
	pool := setUpForGuests(t, n)
	setRoles(t, n, pool)
	guest, err := n.identities().GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &pool})
	if err != nil {
		t.Fatal(err)
	}
	credentials := getCredentials(t, n, *guest.IdentityId, nil)
	file, server := filepath.Join(n.data, "idpool.db"), startPostgres(t)
	url := postgresURL(server.port)

	there := []string{"move", "--from", file, "--to", url}
	fails(t, "a node runs in "+n.data+": stop it, then move", there...)
	n.kill() // as a power cut would: part of the database is in its log

	killMove(t, server, there)
	fails(t, "a move into this database was not finished: repeat idpool move, which starts over, or drop the database",
		"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--database", url)
	first := moves(t, there...)

	good := func(data, database string) {
		t.Helper()
		n := &node{listen: "127.0.0.1:0", data: data, root: n.root}
		n.start(t, append(issuer, "--database", database)...)
		checkCaller(t, n, credentials, guestRole)
		if all := listIdentities(t, n, pool); len(all) != 1 {
			t.Errorf("the pool has %d identities, not one", len(all))
		}
		getCredentials(t, n, *guest.IdentityId, nil)
		n.kill()
	}
	data := t.TempDir()
	back := filepath.Join(data, "idpool.db")
	if second := moves(t, "move", "--from", url, "--to", back); second != first {
		t.Errorf("moved back:\n%s\nnot, as it was:\n%s", second, first)
	}
	good(t.TempDir(), url)
	good(data, back)
	good(n.data, file)
}

// fails runs the binary, which is to say one line and end with 1.
func fails(t *testing.T, want string, args ...string) {
	t.Helper()
	p := start(t, "idpool", environ(), binary, args...)
	if code := p.wait(t); code != 1 || p.stderr.String() != "idpool: "+want+"\n" {
		t.Errorf("it ends with %d, and says %q, not %q", code, p.stderr.String(), want)
	}
}

// moves runs idpool move, and returns the table that it prints.
func moves(t *testing.T, args ...string) string {
	t.Helper()
	p := start(t, "idpool move", environ(), binary, args...)
	if code := p.wait(t); code != 0 {
		t.Fatalf("it ends with %d", code)
	}
	lines := movedTable.FindAllString(p.stdout.String(), -1)
	if len(lines) < 10 {
		t.Errorf("it prints %d tables", len(lines))
	}
	return strings.Join(lines, "\n")
}

// killMove kills a move while the server takes its time with one table.
func killMove(t *testing.T, server *postgres, args []string) {
	t.Helper()
	migrate := start(t, "idpool migrate", environ(), binary, "migrate", "--database", args[len(args)-1])
	if code := migrate.wait(t); code != 0 {
		t.Fatalf("idpool migrate ends with %d", code)
	}
	server.sql(t, `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3600); RETURN NEW; END'`)
	server.sql(t, `CREATE TRIGGER hold BEFORE INSERT ON roles FOR EACH ROW EXECUTE FUNCTION hold()`)
	p := start(t, "idpool move", environ(), binary, args...)
	p.await(t, "it has moved pools", func() bool {
		_, found := p.stderr.line("move: pools: 1 of 1 rows")
		return found
	})
	p.kill()
	server.sql(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	server.sql(t, `DROP FUNCTION hold CASCADE`)
	if n := server.sql(t, "SELECT COUNT(*) FROM pools"); n != "1" {
		t.Errorf("%s pools were moved, not one", n)
	}
}
