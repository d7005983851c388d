package policy

import (
	"strings"
	"unicode/utf8"
)

// pattern is a text of the policy that is compared with a text of the request: wildcards and variables are found once, at
// Parse, so that a match builds no string.
type pattern struct {
	text     string    // as it stands in the document
	segments []segment // what stands between the `*`s: one more than there are of them
	fold     bool      // the case of letters doesn't count
	variable bool      // at least one piece is a variable
}

// segment is a run of pieces without `*`. It can match at a given place in one way only, which is why a match needs no
// backtracking over the `*`s: the first segment stands at the start, the last at the end, and each between them may be
// taken where it first occurs.
type segment []piece

type piece struct {
	kind        pieceKind
	text        string // of a literal: the text; of a variable: its key
	index       int    // of a variable: how many stand before it in the pattern
	fallback    string // of a variable with a default value
	hasFallback bool
}

type pieceKind int

const (
	literal   pieceKind = iota
	character           // `?`: any one character
	variable            // ${key} or ${key, 'default'}
)

// syntax is what has a meaning in a text, apart from itself.
type syntax struct {
	wildcards bool // `*` and `?`
	variables bool // ${...}, from version 2012-10-17 of the language on
	fold      bool // the case of letters doesn't count
}

// compile finds what has a meaning in source. It refuses a ${ that is no variable: left as it is, it would match nobody's
// value, and a Deny would be without effect.
func compile(source text, has syntax) (pattern, error) {
	p := pattern{text: source.value, fold: has.fold}
	variables := 0
	current, plain := segment(nil), strings.Builder{}
	flush := func() {
		if plain.Len() > 0 {
			current = append(current, piece{kind: literal, text: plain.String()})
			plain.Reset()
		}
	}
	for rest := source.value; rest != ""; {
		switch {
		case has.wildcards && rest[0] == '*':
			flush()
			p.segments = append(p.segments, current)
			current, rest = nil, rest[1:]
		case has.wildcards && rest[0] == '?':
			flush()
			current, rest = append(current, piece{kind: character}), rest[1:]
		case has.variables && strings.HasPrefix(rest, "${"):
			found, after, ok := cutVariable(rest)
			if !ok {
				const form = "%q holds a policy variable that is not of the form ${key} or ${key, 'default'}"
				return pattern{}, refuse(source.path, form, clip(source.value))
			}
			rest = after
			if found.kind == literal {
				plain.WriteString(found.text)
				continue
			}
			flush()
			found.index = variables
			variables++
			current = append(current, found)
		default:
			plain.WriteByte(rest[0])
			rest = rest[1:]
		}
	}
	flush()
	p.segments = append(p.segments, current)
	p.variable = variables > 0
	return p, nil
}

// cutVariable reads the variable at the start of s, which begins with ${. The three that stand for a character that has a
// meaning, ${*}, ${?} and ${$}, come back as literals.
func cutVariable(s string) (found piece, after string, ok bool) {
	end := strings.IndexAny(s[2:], ",}")
	if end < 0 {
		return piece{}, s, false
	}
	key, rest := strings.TrimSpace(s[2:2+end]), s[2+end:]
	if rest[0] == '}' {
		if key == "*" || key == "?" || key == "$" {
			return piece{kind: literal, text: key}, rest[1:], true
		}
		return piece{kind: variable, text: key}, rest[1:], isKey(key)
	}
	// A default value stands in single quotes, and may hold anything but one.
	quoted, ok := strings.CutPrefix(strings.TrimLeft(rest[1:], " "), "'")
	if !ok {
		return piece{}, s, false
	}
	fallback, rest, ok := strings.Cut(quoted, "'")
	if !ok {
		return piece{}, s, false
	}
	after, ok = strings.CutPrefix(strings.TrimLeft(rest, " "), "}")
	return piece{kind: variable, text: key, fallback: fallback, hasFallback: true}, after, ok && isKey(key)
}

// isKey tells whether a variable's name may be the name of a condition key. Spaces may stand within it, since they may in
// a tag's key.
func isKey(name string) bool {
	return name != "" && !strings.ContainsAny(name, "${}*?'\"")
}

// values appends to found what the variables stand for, in their order. It is false if one has neither a value nor a default
// value.
func (p *pattern) values(context Context, found []string) ([]string, bool) {
	for _, s := range p.segments {
		for i := range s {
			if s[i].kind != variable {
				continue
			}
			value, ok := s[i].value(context)
			if !ok {
				return found, false
			}
			found = append(found, value)
		}
	}
	return found, true
}

// resolves tells whether every variable has a value or a default value.
func (p *pattern) resolves(context Context) bool {
	if !p.variable {
		return true
	}
	var room [fewVariables]string
	_, ok := p.values(context, room[:0])
	return ok
}

// value is what a variable stands for.
func (p *piece) value(context Context) (string, bool) {
	switch values := context.values(p.text); {
	case len(values) > 1: // "You cannot use a multivalued context key as a policy variable"
		return "", false
	case null(values):
		return p.fallback, p.hasFallback
	default:
		return values[0], true
	}
}

// wanted is the text that a piece that is no `?` has to meet, character by character: a `*`, `?` or `$` that comes from the
// request matches only itself, or whoever chooses a user name chooses the pattern.
func (p *piece) wanted(values []string) string {
	if p.kind == variable {
		return values[p.index]
	}
	return p.text
}

// fewVariables is how many variables a pattern may have without an allocation for what they stand for.
const fewVariables = 8

// match tells whether s as a whole matches. A pattern with a variable that has no value matches nothing ("Policy variables
// with no value").
func (p *pattern) match(s string, context Context) bool {
	if !p.variable {
		return p.matchWith(s, nil)
	}
	var room [fewVariables]string
	values, ok := p.values(context, room[:0])
	return ok && p.matchWith(s, values)
}

// matchWith is match with what the variables stand for, which was looked up once. It takes time in proportion to len(s) and,
// where `?`, a variable or a repeating text follows a `*`, at most len(s) times the length of the pattern with the values in
// place of its variables.
func (p *pattern) matchWith(s string, values []string) bool {
	last := len(p.segments) - 1
	s, ok := p.cutPrefix(p.segments[0], s, values)
	if last == 0 {
		return ok && s == ""
	}
	for i := 1; ok && i < last; i++ {
		s, ok = p.cutFirst(p.segments[i], s, values)
	}
	return ok && p.hasSuffix(p.segments[last], s, values)
}

// cutPrefix returns what follows the segment, if s begins with it.
func (p *pattern) cutPrefix(seg segment, s string, values []string) (rest string, ok bool) {
	for i := range seg {
		if seg[i].kind == character {
			if s == "" {
				return s, false
			}
			_, size := utf8.DecodeRuneInString(s)
			s = s[size:]
			continue
		}
		value := seg[i].wanted(values)
		if len(s) < len(value) || !p.same(s[:len(value)], value) {
			return s, false
		}
		s = s[len(value):]
	}
	return s, true
}

// cutFirst returns what follows the first occurrence of the segment in s.
func (p *pattern) cutFirst(seg segment, s string, values []string) (rest string, ok bool) {
	for {
		if len(seg) > 0 && seg[0].kind == literal && !p.fold {
			i := strings.Index(s, seg[0].text)
			if i < 0 {
				return s, false
			}
			s = s[i:]
		}
		if rest, ok := p.cutPrefix(seg, s, values); ok {
			return rest, true
		}
		if s == "" {
			return s, false
		}
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
	}
}

// hasSuffix tells whether s ends with the segment.
func (p *pattern) hasSuffix(seg segment, s string, values []string) bool {
	for i := len(seg) - 1; i >= 0; i-- {
		if seg[i].kind == character {
			if s == "" {
				return false
			}
			_, size := utf8.DecodeLastRuneInString(s)
			s = s[:len(s)-size]
			continue
		}
		value := seg[i].wanted(values)
		if len(s) < len(value) || !p.same(s[len(s)-len(value):], value) {
			return false
		}
		s = s[:len(s)-len(value)]
	}
	return true
}

// same compares two texts of equal length.
func (p *pattern) same(a, b string) bool {
	return a == b || p.fold && strings.EqualFold(a, b)
}
