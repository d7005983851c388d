package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// CheckURL tells whether a text is of the form of a database's URL. The error repeats no part of it that could be a password's.
func CheckURL(url string) error {
	_, _, err := locate(url)
	return err
}

var (
	// pgScheme begins what is meant for PostgreSQL, well formed or not.
	pgScheme = regexp.MustCompile(`(?i)^\s*postgres(ql)?(:|//)`)

	// pgLogin is the rest of a URL that has lost its scheme. Whoever means such a file writes ./ before it.
	pgLogin = regexp.MustCompile(`:.*@`)

	// pgKeyword begins a text in libpq's other form, "host=... password=...", which is a file's name as well.
	pgKeyword = regexp.MustCompile(`(?i)^\s*(host|hostaddr|port|dbname|database|user|password|passfile|service|servicefile|options|` +
		`application_name|fallback_application_name|client_encoding|connect_timeout|target_session_attrs|load_balance_hosts|` +
		`channel_binding|require_auth|replication|tcp_user_timeout|keepalives\w*|ssl\w*|gss\w*|krb\w*|pool_\w+)\s*=`)

	urlScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*$`)
)

// What is wrong with a URL. None repeats it, since a password may stand where nobody looks for one.
var (
	errPgScheme  = errors.New("the URL of a PostgreSQL database begins with postgres:// or postgresql://, in small letters and with two slashes")
	errPgKeyword = errors.New("give a PostgreSQL database as a URL, postgres://user@host/database, and not as keywords and values")
	errPgBlank   = errors.New("a blank stands before the URL: take it away")
	errPgLogin   = errors.New("this looks like a user's name and password: the URL of a PostgreSQL database begins with postgres://, and if it is " +
		"the path of a SQLite file write ./ before it")
	errPgAt = errors.New("an @ stands in the URL that does not end the user's name and password: in these two, and in the name of the " +
		"database, write %40 for @ and %2F for /")
	errPgQuery = errors.New("what follows ? in the URL is key=value, joined by &: within a value write %26 for & and %3D for =")
	errURL     = errors.New("a database URL begins with sqlite:, postgres:// or postgresql://")
	errPath    = errors.New("give the path of a SQLite file, or a URL that begins with postgres://; a database in memory would be another " +
		"for each connection")
)

// locate tells which engine a URL means: for SQLite the file's absolute path, for PostgreSQL the URL itself.
func locate(url string) (engine, string, error) {
	switch {
	case pgScheme.MatchString(url) && strings.TrimSpace(url[:1]) == "":
		return 0, "", errPgBlank
	case pgScheme.MatchString(url):
		if err := checkPgURL(url); err != nil {
			return 0, "", err
		}
		return postgres, url, nil
	case pgKeyword.MatchString(url):
		return 0, "", errPgKeyword
	}
	path := strings.TrimPrefix(url, "sqlite:")
	if path != url {
		path = strings.TrimPrefix(path, "//") // sqlite:///data/idpool.db
	}
	switch scheme, _, has := strings.Cut(path, "://"); {
	case has && urlScheme.MatchString(scheme):
		return 0, "", fmt.Errorf("%w, not with %s://", errURL, scheme)
	case has:
		return 0, "", errURL
	case path == "" || strings.HasPrefix(path, ":") || strings.HasPrefix(path, "file:"):
		return 0, "", errPath
	case path == url && pgLogin.MatchString(path) && !isPath(path):
		return 0, "", errPgLogin
	}
	path, err := filepath.Abs(path)
	return sqlite, path, err
}

// isPath tells whether a text begins as only a path does.
func isPath(s string) bool {
	return filepath.IsAbs(s) && !strings.HasPrefix(s, "//") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../")
}

// checkPgURL refuses what the driver would take apart in another way than it was meant: a part of the password would be looked
// up as a host then, or stand in an error. For the driver the login ends at the first @, and the hosts at the next slash.
func checkPgURL(url string) error {
	rest, found := strings.CutPrefix(url, "postgres://")
	if !found {
		if rest, found = strings.CutPrefix(url, "postgresql://"); !found {
			return errPgScheme
		}
	}
	before, path, _ := strings.Cut(rest, "/")
	name, _, _ := strings.Cut(path, "?")
	if strings.Count(before, "@") > 1 || strings.Contains(name, "@") {
		return errPgAt
	}
	if strings.Contains(before, "@") {
		_, rest, _ = strings.Cut(rest, "@")
	}
	_, query, _ := strings.Cut(rest, "?")
	for parameter := range strings.SplitSeq(query, "&") {
		if parameter != "" && strings.Count(parameter, "=") != 1 {
			return errPgQuery
		}
	}
	return nil
}
