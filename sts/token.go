package sts

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"idpool/identity"
	"idpool/store"
)

// Session is what a session token says.
type Session struct {
	Account  string // 12 digits
	Key      string // the access key that a user's or root's session was made with; empty: a session of a role
	RoleID   string // the role's unique id: a role made again under its name honours no old session
	Name     string // role session name
	Issued   time.Time
	Expires  time.Time
	Epoch    int64             // of the role, when the session was made
	Policy   string            // session policy as JSON; empty: none
	Policies []string          // ARNs of managed policies that are session policies too
	Tags     map[string]string // principal tags
	Identity *IdentityOf       // nil for a session that no pool made
	Flow     Flow              // what scopes it down beside

	Transitive     []string   // keys of tags that go along into the sessions of roles that this one assumes
	SourceIdentity string     // who is behind it, whatever roles come between; empty: nobody was named
	Federated      *Federated // nil unless an identity provider of IAM vouched for somebody
}

// Federated is what a session keeps of a login by an identity provider of IAM.
type Federated struct {
	Provider  string // its ARN
	Subject   string
	Audience  string   // of OpenID Connect alone
	AMR       []string // likewise
	Type      string   // of SAML alone: the format of the subject
	Qualifier string   // likewise: the name qualifier
}

// Flow is how a session came about, as far as it limits what the session may do.
type Flow byte

const (
	Classic       Flow = iota // by AssumeRole...: nothing but the role and the session's own policies
	Enhanced                  // by GetCredentialsForIdentity, for a person
	EnhancedGuest             // the same, for a guest
	flows
)

// IdentityOf is the pool's part of a session.
type IdentityOf struct {
	ID        identity.ID
	Account   string // of the pool, which is not always the role's
	Region    string
	Pool      identity.ID
	PoolEpoch int64 // of the pool, when the session was made
	Epoch     int64 // of the identity
	AMR       []string
}

// MaxToken is the most characters that a session token may have: S3 servers put it into headers and URLs.
const MaxToken = 4096

// Errors of tokens.
var (
	errToken = errors.New("not a session token of this deployment, or not of this access key id")
	// ErrTooLarge is returned for a session that does not fit into MaxToken characters.
	ErrTooLarge = errors.New("session token would be too large")
)

// tooLarge is an ErrTooLarge that says by how much.
type tooLarge struct {
	percent   int  // more than 100
	tagsAlone bool // there are no session policies
}

// Error is the original's text, which clients look for.
func (e *tooLarge) Error() string {
	if e.tagsAlone {
		return fmt.Sprintf("Packed size of session tags consumes %d%% of allotted space.", e.percent)
	}
	return fmt.Sprintf("Packed policy consumes %d%% of allotted space, please use smaller policy.", e.percent)
}

func (e *tooLarge) Unwrap() error { return ErrTooLarge }

// maxPlain is how long a session may be when it is written: MaxToken is base64, four characters for three bytes.
const maxPlain = MaxToken/4*3 - 1 - store.BoxOverhead

// packed is how much of the room that a token has for session policies and tags these take, in percent and rounded up: 0 for
// none, at most 100 for what fits. The room is what all else in the session leaves.
func (s *Session) packed() int {
	if s.Policy == "" && len(s.Policies) == 0 && len(s.Tags) == 0 {
		return 0
	}
	bare := *s
	bare.Policy, bare.Policies, bare.Tags, bare.Transitive = "", nil, nil, nil
	rest := len(bare.encode())
	size, room := len(s.encode())-rest, max(1, maxPlain-rest)
	return (size*100 + room - 1) / room
}

// A token is base64 (standard, padded) of
//
//	version (1 byte) | box of the session
//
// The access key id is associated data of the box: a token belongs to one access key id. The secret key is derived from the
// box's salt.
const (
	tokenVersion = 3
	saltSize     = store.SaltSize
)

// tokenText refuses stray bits at the end, so that a token has one spelling.
var tokenText = base64.StdEncoding.Strict()

const (
	purposeToken  = "idpool session token 1"
	purposeSecret = "idpool secret access key 1 "
)

// seal makes the token of a session, and the secret access key that goes with it.
func seal(k *store.OpenKey, s *Session, accessKeyID string, salt [saltSize]byte) (token, secret string, err error) {
	keys, err := k.Salted(salt[:])
	if err != nil {
		return "", "", err
	}
	head := append(make([]byte, 0, 512), tokenVersion) // most boxes have room in it
	sealed, err := keys.Seal(head, purposeToken, s.encode(), []byte(accessKeyID))
	if err != nil {
		return "", "", err
	}
	token = tokenText.EncodeToString(sealed)
	if len(token) > MaxToken {
		return "", "", &tooLarge{percent: s.packed(), tagsAlone: s.Policy == "" && len(s.Policies) == 0}
	}
	secret, err = secretKey(keys, accessKeyID)
	return token, secret, err
}

// open is the opposite of seal: the session of a box, and the secret that signs for it.
func open(k *store.OpenKey, box []byte, accessKeyID string) (*Session, string, error) {
	keys, err := k.SaltedLike(box)
	if err != nil {
		return nil, "", err
	}
	plain, err := keys.Open(box, purposeToken, []byte(accessKeyID))
	if errors.Is(err, store.ErrBox) {
		return nil, "", errToken
	}
	if err != nil {
		return nil, "", err
	}
	session, err := decodeSession(plain)
	if err != nil {
		return nil, "", err
	}
	secret, err := secretKey(keys, accessKeyID)
	return session, secret, err
}

func secretKey(keys *store.Salted, accessKeyID string) (string, error) {
	key, err := keys.Expand(purposeSecret+accessKeyID, 30)
	return base64.StdEncoding.EncodeToString(key), err
}

// splitToken reads the box, and its sealing key's id, out of a token's text.
func splitToken(text string) (box []byte, keyID int64, err error) {
	if len(text) > MaxToken {
		return nil, 0, errToken
	}
	raw, err := tokenText.DecodeString(text)
	if err != nil || len(raw) == 0 || raw[0] != tokenVersion {
		return nil, 0, errToken
	}
	keyID, ok := store.BoxKey(raw[1:])
	if !ok {
		return nil, 0, errToken
	}
	return raw[1:], keyID, nil
}

// encode writes the session as a sequence of strings and numbers, each string with its length before it, in the order of
// decodeSession. A change of the order is another tokenVersion.
func (s *Session) encode() []byte {
	b := make([]byte, 0, 512)
	b = appendText(b, s.Account, s.Key, s.RoleID, s.Name, s.Policy, s.SourceIdentity)
	b = binary.AppendVarint(b, s.Issued.Unix())
	b = binary.AppendVarint(b, s.Expires.Unix())
	b = binary.AppendVarint(b, s.Epoch)
	b = append(b, byte(s.Flow))
	b = appendList(b, s.Policies)
	b = appendList(b, s.Transitive)
	b = binary.AppendUvarint(b, uint64(len(s.Tags)))
	for _, key := range slices.Sorted(maps.Keys(s.Tags)) {
		b = appendText(b, key, s.Tags[key])
	}
	b = appendFlag(b, s.Identity != nil)
	if i := s.Identity; i != nil {
		b = append(b, i.ID[:]...)
		b = append(b, i.Pool[:]...)
		b = appendText(b, i.Account, i.Region)
		b = binary.AppendVarint(b, i.PoolEpoch)
		b = binary.AppendVarint(b, i.Epoch)
		b = appendList(b, i.AMR)
	}
	b = appendFlag(b, s.Federated != nil)
	if f := s.Federated; f != nil {
		b = appendText(b, f.Provider, f.Subject, f.Audience, f.Type, f.Qualifier)
		b = appendList(b, f.AMR)
	}
	return b
}

func appendList(b []byte, texts []string) []byte {
	return appendText(binary.AppendUvarint(b, uint64(len(texts))), texts...)
}

func appendText(b []byte, texts ...string) []byte {
	for _, t := range texts {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	return b
}

func appendFlag(b []byte, flag bool) []byte {
	if flag {
		return append(b, 1)
	}
	return append(b, 0)
}

func decodeSession(b []byte) (*Session, error) {
	r := &reader{b: b}
	s := &Session{Account: r.text(), Key: r.text(), RoleID: r.text(), Name: r.text(), Policy: r.text(), SourceIdentity: r.text()}
	s.Issued, s.Expires, s.Epoch = time.Unix(r.number(), 0).UTC(), time.Unix(r.number(), 0).UTC(), r.number()
	s.Flow = Flow(r.bytes(1)[0])
	s.Policies, s.Transitive = r.list(), r.list()
	if n := r.count(); n > 0 {
		s.Tags = make(map[string]string, n)
		for range n {
			key := r.text()
			s.Tags[key] = r.text()
		}
	}
	if r.flag() {
		i := &IdentityOf{ID: identity.ID(r.bytes(16)), Pool: identity.ID(r.bytes(16)), Account: r.text(), Region: r.text()}
		i.PoolEpoch, i.Epoch = r.number(), r.number()
		i.AMR = r.list()
		s.Identity = i
	}
	if r.flag() {
		s.Federated = &Federated{
			Provider: r.text(), Subject: r.text(), Audience: r.text(), Type: r.text(), Qualifier: r.text(), AMR: r.list(),
		}
	}
	if r.failed || len(r.b) > 0 || s.Flow >= flows {
		return nil, errToken
	}
	return s, nil
}

// reader reads what encode wrote. After a failure it answers zeros.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) bytes(n int) []byte {
	if r.failed || n > len(r.b) {
		r.failed = true
		return make([]byte, n)
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// count reads a length. Whatever it counts takes at least a byte each, so more than there are bytes is a failure.
func (r *reader) count() int {
	n, size := binary.Uvarint(r.b)
	if r.failed || size <= 0 || n > uint64(len(r.b)-size) {
		r.failed = true
		return 0
	}
	r.b = r.b[size:]
	return int(n)
}

func (r *reader) text() string { return string(r.bytes(r.count())) }

// list is nil for an empty one.
func (r *reader) list() (texts []string) {
	for range r.count() {
		texts = append(texts, r.text())
	}
	return texts
}

func (r *reader) number() int64 {
	n, size := binary.Varint(r.b)
	if r.failed || size <= 0 {
		r.failed = true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) flag() bool { return r.bytes(1)[0] == 1 }
