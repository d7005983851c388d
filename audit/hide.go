package audit

import (
	"slices"
	"strings"
	"time"
)

// Hidden stands in place of a secret, as in CloudTrail.
const Hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// isSecret goes by a member's name, whatever the operation: one that is made later is covered too.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "token", "sessiontoken", "webidentitytoken", "idtoken", "accesstoken", "refreshtoken", "tokencode",
		"samlassertion", "assertion", "addprivatekey", "privatekey":
		return true
	}
	return strings.Contains(name, "secret") || strings.Contains(name, "password")
}

// apps cuts what a pool has for its public providers down to the ids of the apps: Twitter's is "KEY;SECRET".
func apps(providers map[string]any) map[string]any {
	ids := make(map[string]any, len(providers))
	for provider, app := range providers {
		if text, ok := app.(string); ok {
			app, _, _ = strings.Cut(text, ";")
		}
		ids[provider] = app
	}
	return ids
}

// withoutApps takes out of an error's text what it repeats of a request's providers. Nobody has parsed what was refused, so
// all that stands before is hidden.
func withoutApps(message string) string {
	if i := strings.LastIndex(message, " at 'supportedLoginProviders"); i >= 0 {
		return Hidden + message[i:]
	}
	return message
}

// hide writes Hidden in place of the secrets of a request. The names of providers in logins stay.
func hide(members map[string]any) map[string]any {
	return scrub(members, func(hidden map[string]any, name string, value any) {
		providers, isMap := value.(map[string]any)
		switch {
		case name == "logins" && isMap:
			logins := make(map[string]any, len(providers))
			for provider := range providers {
				logins[provider] = Hidden
			}
			hidden[name] = logins
		case name == "supportedLoginProviders" && isMap:
			hidden[name] = apps(providers)
		case isSecret(name):
			hidden[name] = Hidden
		default:
			hidden[name] = value
		}
	})
}

// withoutSecrets leaves the secrets out of a response, as CloudTrail does.
func withoutSecrets(members map[string]any) map[string]any {
	return scrub(members, func(left map[string]any, name string, value any) {
		providers, isMap := value.(map[string]any)
		switch {
		case name == "supportedLoginProviders" && isMap:
			left[name] = apps(providers)
		case !isSecret(name):
			left[name] = value
		}
	})
}

// scrub copies a tree; put is asked about every member, whose own members have been copied before.
func scrub(members map[string]any, put func(to map[string]any, name string, value any)) map[string]any {
	if members == nil {
		return nil
	}
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			return scrub(v, put)
		case []any:
			copied := make([]any, len(v))
			for i, member := range v {
				copied[i] = walk(member)
			}
			return copied
		case time.Time:
			return v.UTC().Format("Jan 2, 2006 3:04:05 PM")
		}
		return v
	}
	copied := make(map[string]any, len(members))
	for name, v := range members {
		put(copied, name, walk(v))
	}
	return copied
}

// maxEvent is the most that a line has, in bytes.
const maxEvent = 64 << 10

// omitted stands in place of a member that makes an event too large.
type omitted struct {
	Omitted      bool   `json:"omitted"`
	OriginalSize int    `json:"originalSize"`
	Reason       string `json:"reason"`
}

// line is the event's line. Of a large one the largest members are left out first; all else in it has bounds.
func (e *event) line() []byte {
	line := encode(e)
	if len(line) <= maxEvent {
		return line
	}
	type member struct {
		of   map[string]any
		name string
		size int
	}
	var all []member
	for _, members := range []map[string]any{e.Request, e.Response} {
		for name, v := range members {
			all = append(all, member{members, name, len(encode(v))})
		}
	}
	slices.SortFunc(all, func(a, b member) int { return b.size - a.size })
	for excess := len(line) - maxEvent; excess > 0 && len(all) > 0; all = all[1:] {
		large := all[0]
		mark := omitted{Omitted: true, OriginalSize: large.size - 1, Reason: "too large"}
		large.of[large.name] = mark
		excess -= large.size - len(encode(mark))
	}
	return encode(e)
}
