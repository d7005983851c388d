package store

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	adviceLogin = "wrong or no password, or the server's pg_hba.conf has no line for this user: give the password in the URL, PGPASSWORD or " +
		"PGPASSFILE"
	adviceRights    = "the role lacks rights: see Roles in docs/operations.md; idpool migrate runs as the owner"
	adviceParameter = "the URL has a parameter that nobody knows"
)

// adviceByCode goes by the SQLSTATE.
var adviceByCode = map[string]string{
	"28P01":    adviceLogin,
	"28000":    adviceLogin,
	"3D000":    "make the database: CREATE DATABASE name OWNER role ENCODING 'UTF8'",
	pgNoRights: adviceRights,
}

// adviceByText is for what has no SQLSTATE, or one of many meanings. These texts are the driver's and PgBouncer's, always in English.
var adviceByText = []struct{ part, advice string }{
	{"must be run with client_encoding=UTF8", "make the database with ENCODING 'UTF8'"},
	{"unable to add CA to cert pool", "the file of sslrootcert holds no PEM certificate"},
	{"unsupported startup parameter", adviceParameter},
}

// advice says what to do about a refusal, empty if nothing is known about it. The word of a server counts before the texts.
func advice(err error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var connecting *pgconn.ConnectError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &authority):
		return "no authority that is known here vouches for the server: name the file of its authority's certificate by sslrootcert in the URL"
	case errors.As(err, &host):
		return "the server's certificate is for another name: write the name that it is for into the URL"
	case pgCode(err) == pgUndefinedObject && errors.As(err, &connecting):
		return adviceParameter // the server may say it in another language
	}
	if known := adviceByCode[pgCode(err)]; known != "" {
		return known
	}
	for _, row := range adviceByText {
		if strings.Contains(err.Error(), row.part) {
			return row.advice
		}
	}
	return ""
}

// advised adds what to do, if it is known.
func advised(err error) error {
	if what := advice(err); what != "" {
		return fmt.Errorf("%w; %s", oneLine{err}, what)
	}
	return err
}

// fromStart sorts an error of a start. Who can say what to do about it has reached the server: that is not ErrUnavailable.
func fromStart(ctx context.Context, q *stmt, err error) error {
	switch {
	case err == nil:
		return nil
	case advice(err) != "":
		return fmt.Errorf("%v: %w", q, advised(err))
	}
	return fromPostgres(ctx, q, oneLine{err}, true)
}

// oneLine is an error of the driver, which gives every try a line. Without sslmode it tries a host twice, with TLS and without: what
// both tries met is told once, and that the server has no TLS only if nothing else was tried.
type oneLine struct{ error }

func (e oneLine) Unwrap() error { return e.error }

func (e oneLine) Error() string {
	first, tries, several := strings.Cut(e.error.Error(), "\n\t")
	if !several {
		return first
	}
	var told []string
	lines := strings.Split(tries, "\n\t")
	for i, line := range lines {
		host, noTLS := strings.CutSuffix(line, "tls error: server refused TLS connection")
		more := lines[i+1:]
		if len(more) > 0 && (more[0] == line || noTLS && strings.HasPrefix(more[0], host)) {
			continue
		}
		told = append(told, line)
	}
	return first + " " + strings.Join(told, "; ")
}
