package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"idpool/server"
	"idpool/store"
)

// A log gets a line for each table; a person, who sees that it goes on, one a second too.
func TestMoveProgress(t *testing.T) {
	seconds := []float64{10, 10.5, 10.9, 11, 11.5, 12, 12.1}
	told := []store.MoveProgress{
		{Rows: 1}, {Rows: 2}, {Rows: 3}, {Rows: 4}, {Rows: 5, Done: true}, {Rows: 6}, {Rows: 7, Done: true},
	}
	for _, row := range []struct {
		often bool
		want  string // the rows of the lines
	}{
		{false, "5 7"},
		{true, "1 4 5 7"},
	} {
		var out bytes.Buffer
		var now time.Time
		p := &moveProgress{out: &out, often: row.often, now: func() time.Time { return now }}
		var want strings.Builder
		for i, m := range told {
			now = time.Unix(0, int64(seconds[i]*1e9))
			m.Step, m.Table, m.Of = "move", "logins", 9
			p.tell(m)
		}
		for _, rows := range strings.Fields(row.want) {
			want.WriteString("move: logins: " + rows + " of 9 rows\n")
		}
		if out.String() != want.String() {
			t.Errorf("often %t:\n%swant:\n%s", row.often, out.String(), want.String())
		}
	}
}

func TestPrintMoved(t *testing.T) {
	for issuerURL, last := range map[string]string{
		"https://id.example.com": "",
		"": "No issuer's URL is stored. Give nodes that of the address where the old node listened, such as " +
			"--issuer-url http://127.0.0.1:7400, else tokens given out before are refused.\n",
	} {
		var out bytes.Buffer
		err := printMoved(&out, &server.Moved{MasterKey: "in the database", IssuerURL: issuerURL, Tables: []store.MovedTable{
			{Name: "accounts", Rows: 1, SHA256: [32]byte{0xab}}, {Name: "logins", Rows: 10000000},
		}})
		want := "TABLE     ROWS      SHA-256\n" +
			"accounts  1         ab" + strings.Repeat("0", 62) + "\n" +
			"logins    10000000  " + strings.Repeat("0", 64) + "\n" +
			"\nEvery table is the same in both databases. The master key is in the database.\n" + last
		if err != nil || out.String() != want {
			t.Errorf("%v, got:\n%swant:\n%s", err, out.String(), want)
		}
	}
}

// What the person who typed it reads.
func TestMoveMistakes(t *testing.T) {
	for _, row := range []struct {
		args string
		code int
		want string
	}{
		{"move", exitUsage, "missing flags: --from=PATH|URL, --to=URL|PATH\n"},
		{"move --from a.db --to b.db", exitUsage, "give a file and a postgres:// URL to --from and --to\n"},
		{"move --from a.db --to postgres://127.0.0.1:1/x", exitFailure, "--from: stat a.db: no such file or directory\n"},
		{"move --from a.db --to postgres://127.0.0.1:1/x --master-key c2hvcnQ=", exitUsage, "the master key has 5 bytes; it must have 32, written in base64\n"},
	} {
		withoutVariables(t)
		t.Chdir(t.TempDir())
		if text := said(t, row.code, strings.Fields(row.args)...); !strings.Contains(text, row.want) {
			t.Errorf("%s: it says %q, not %q", row.args, text, row.want)
		}
	}
}
