package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestMistakes are command lines that no node starts by, and what the person who typed them reads. FILE stands for a file
// with the row's content.
func TestMistakes(t *testing.T) {
	const hint = "Try idpool --help, or idpool serve --help.\n"
	for _, row := range []struct {
		name    string
		args    string
		content string
		code    int
		want    string // FILE stands for its path here, too
	}{
		{"no command", "", "", 2, `expected one of "serve", "migrate", "accounts", "sessions", "explain",` + " ...\n" + hint},
		{"unknown flag", "serve --lisen x", "", 2, "unknown flag --lisen, did you mean"},
		{"no value", "serve --listen", "", 2, "--listen: its value is missing: give HOST:PORT\n" + hint},
		{"a flag as a value", "serve --listen --dev", "", 2, "--listen: its value is missing: give HOST:PORT\n"},
		{"no time", "serve --drain", "", 2, "--drain: its value is missing: give a time such as 5s or 10m\n"},
		{"no port", "serve --listen 7400", "", 2, "--listen 7400: give host:port\n"},
		{"time without unit", "serve --drain 5", "", 2, `--drain: give a time such as 5s or 10m, not "5"` + "\n" + hint},
		{"lifetime without unit", "serve --token-lifetime 600", "", 2, `--token-lifetime: give a time such as 5s or 10m, not "600"` + "\n"},
		{"lifetime too long", "serve --token-lifetime 48h", "", 2, "--token-lifetime 48h0m0s: give 1s to 24h0m0s\n"},
		{"no network", "serve --provider-networks 10.0.0.0", "", 2, `--provider-networks: give a network such as 10.0.0.0/8, not "10.0.0.0"` + "\n"},
		{"second is no network", "serve --trusted-proxies 10.0.0.0/8,proxy", "", 2, `--trusted-proxies: give a network such as 10.0.0.0/8, not "proxy"` + "\n"},
		{"no number", "serve --quota-pools many", "", 2, `--quota-pools: give a whole number such as 100, not "many"` + "\n"},
		{"less than nothing", "serve --quota-tags=-1", "", 2, "--quota-tags -1: give a number from 1 to "},
		{"too many rules", "serve --quota-rules 401", "", 2, "--quota-rules 401: give a number from 1 to 400\n"},
		{"half a root key", "serve --root-access-key-id AKID", "", 2, "IDPOOL_ROOT_ACCESS_KEY_ID and IDPOOL_ROOT_SECRET_ACCESS_KEY belong together\n"},
		{"the other half", "serve --root-secret-access-key secret", "", 2, "IDPOOL_ROOT_ACCESS_KEY_ID and IDPOOL_ROOT_SECRET_ACCESS_KEY belong together\n"},
		{"timeout without unit", "serve --database-timeout 5", "", 2, `--database-timeout: give a time such as 5s or 10m, not "5"` + "\n"},
		{"timeout too short", "serve --database-timeout 10ms", "", 2, "--database-timeout 10ms: give 100ms or more\n"},
		{"no timeout", "serve --database-timeout 0", "", 2, "--database-timeout 0s: give 100ms or more\n"},
		{"timeout below nothing", "serve --database-timeout=-1s", "", 2, "--database-timeout -1s: give 100ms or more\n"},
		{"a replica of a file", "serve --database-replica postgres://u:secret@h/db", "", 2, "--database-replica is for a --database on PostgreSQL; a SQLite file has no replica\n"},
		{"a replica in a file", "serve --database postgres://h/db --database-replica replica.db", "", 2, "--database-replica: give the postgres:// URL of a hot standby\n"},
		{"an old schema", "serve --no-migrate --listen 127.0.0.1:0", "", 1, ": run idpool migrate first\n"},
		{"no database to migrate", "migrate --database mysql://u:secret@h/db", "", 1, "a database URL begins with sqlite:, postgres:// or postgresql://, not with mysql://\n"},
		{"no account", "accounts add 12", "", 2, "12 is no account: an account has 12 digits\n"},
		{"account not given", "accounts add", "", 2, `expected "<id>"` + "\n" + hint},
		{"whose sessions", "sessions revoke", "", 2, "give one of --role, --identity and --pool, such as: idpool sessions revoke --role Auth\n"},
		{"whose sessions of two", "sessions revoke --role Auth --pool us-east-1:0", "", 2, "give one of --role, --identity and --pool, such as: "},
		{"sessions of no account", "sessions revoke --role Auth --account 12", "", 2, "--account 12: an account has 12 digits, such as 000000000000\n"},
		{"sessions of two accounts", "sessions revoke --role Auth --account 000000000000 --endpoint http://127.0.0.1:1", "", 2, "--account goes without --endpoint, where the account is that of the key\n"},
		{"whose credentials", "explain credentials", "", 2, `expected "<identity-id>"` + "\n" + hint},
		{"a login without a token", "explain credentials us-east-1:0 --logins login.example.com", "", 2, "--logins: give PROVIDER=TOKEN, not \"login.example.com\"\n"},
		{"whose access", "explain access --action s3:GetObject --resource *", "", 2, "give one of --role, --user and --identity, such as: idpool explain access --role Auth --action s3:GetObject --resource arn:aws:s3:::bucket/key\n"},
		{"access to what", "explain access --role Auth --resource *", "", 2, "missing flags: --action=SERVICE:OPERATION\n"},
		{"a key without a value", "explain access --role Auth --action s3:GetObject --resource * --context aws:SourceIp", "", 2, "--context: give KEY=VALUE, not \"aws:SourceIp\"\n"},

		{"master key: none", "serve --require-external-master-key", "", 2, "--require-external-master-key: give the key by --master-key-file or IDPOOL_MASTER_KEY\n"},
		{"master key: no base64", "serve --master-key !", "", 2, "IDPOOL_MASTER_KEY holds no base64; make a key by: head -c 32 /dev/urandom | base64\n"},
		{"master key: short", "serve --master-key c2hvcnQ=", "", 2, "the master key has 5 bytes; it must have 32, written in base64\n"},
		{"master key: file without base64", "serve --master-key-file FILE", "!", 2, "FILE holds no base64; make a key by: head -c 32 /dev/urandom | base64\n"},
		{"master key: file too short", "serve --master-key-file FILE", "c2hvcnQ=\n", 2, "the master key has 5 bytes; it must have 32, written in base64\n"},
		{"master key: empty file", "serve --master-key-file FILE", "", 2, "the master key has 0 bytes; it must have 32, written in base64\n"},
		{"master key: no file", "serve --master-key-file FILE.not", "", 1, "--master-key-file: open FILE.not: no such file or directory\n"},
		{"providers: unknown key", "serve --providers FILE", "www.amazon.com: {url: x}\n", 2, "--providers FILE: yaml: construct errors: line 1: field url not found in type provider.Setting; write names of providers, and under each endpoint,"},
		{"providers: unknown name", "serve --providers FILE", "example.com: {endpoint: 'http://localhost'}\n", 2, "--providers: example.com: no provider of this name has settings"},
		{"providers: no file", "serve --providers FILE.not", "", 1, "--providers: open FILE.not: no such file or directory\n"},
		{"provider CA: no PEM", "serve --provider-ca FILE", "!", 2, "--provider-ca FILE holds no certificate in PEM\n"},
		{"provider CA: no file", "serve --provider-ca FILE.not", "", 1, "--provider-ca: open FILE.not: no such file or directory\n"},

		{"file: none", "serve --config FILE.not", "", 2, "open FILE.not: no such file or directory\n" + hint},
		{"file: broken", "serve --config FILE", "listen: [\n", 2, "FILE is no YAML of flags and values: "},
		{"file: no map", "serve --config FILE", "- listen\n", 2, "FILE is no YAML of flags and values: "},
		{"file: twice", "serve --config FILE", "listen: a:1\nlisten: b:1\n", 2, "FILE is no YAML of flags and values: "},
		{"file: unknown key", "serve --config FILE", "zzz: 1\nlisen: x\n", 2, `FILE has the key "lisen", and no flag has that name` + "\n" + hint},
		{"file: a map", "serve --config FILE", "listen: {host: a}\n", 2, "--listen: FILE has neither a value nor a list of values for it\n"},
		{"file: a list of maps", "serve --config FILE", "regions: [{a: b}]\n", 2, "--regions: FILE has neither a value nor a list of values for it\n"},
		{"file: no time", "serve --config FILE", "drain: 5\n", 2, `--drain: give a time such as 5s or 10m, not "5"` + "\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			withoutVariables(t)
			file := write(t, "file", row.content)
			t.Chdir(t.TempDir()) // should a node start after all
			args := strings.Fields(strings.ReplaceAll(row.args, "FILE", file))
			text, want := said(t, row.code, args...), strings.ReplaceAll(row.want, "FILE", file)
			if !strings.Contains(text, want) {
				t.Errorf("it says %q, not %q", text, want)
			}
		})
	}
}

// said runs idpool with arguments that it fails on, and returns what it says.
func said(t *testing.T, code int, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() { ended <- run(args, &stderr) }()
	select {
	case got := <-ended:
		if got != code {
			t.Errorf("it ends with %d, not %d", got, code)
		}
	case <-time.After(time.Minute):
		t.Fatal("it runs on")
	}
	text := stderr.String()
	if !strings.HasPrefix(text, "idpool: ") {
		t.Errorf("it says %q", text)
	}
	return text
}

// TestWrongVariables: the mistake may stand in the environment, and there it is said to be.
func TestWrongVariables(t *testing.T) {
	for name, row := range map[string]struct{ value, want string }{
		"IDPOOL_DRAIN":              {"5", `--drain: give a time such as 5s or 10m, not "5"`},
		"IDPOOL_QUOTA_POOLS":        {"many", "IDPOOL_QUOTA_POOLS"},
		"IDPOOL_MASTER_KEY":         {"!", "IDPOOL_MASTER_KEY holds no base64"},
		"IDPOOL_ROOT_ACCESS_KEY_ID": {"AKID", "belong together"},
		"IDPOOL_CONFIG":             {"/no/such/file", "open /no/such/file"},
	} {
		t.Run(name, func(t *testing.T) {
			withoutVariables(t)
			t.Chdir(t.TempDir())
			t.Setenv(name, row.value)
			if text := said(t, exitUsage, "serve"); !strings.Contains(text, row.want) {
				t.Errorf("it says %q, not %q", text, row.want)
			}
		})
	}
}
