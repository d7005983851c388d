package policy

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// number is an integer or decimal number. Integers of up to 18 digits are exact, others are as exact as a float64.
type number struct {
	integer   int64 // if isInteger
	isInteger bool
	float     float64
}

func (n number) compare(m number) int {
	if n.isInteger && m.isInteger {
		return cmp.Compare(n.integer, m.integer)
	}
	return cmp.Compare(n.float, m.float)
}

// parseNumber reads a number as JSON writes it, leading zeros and a plus sign too. It looks before it leaps: strconv takes
// more (hexadecimal, Inf), and its errors cost an allocation.
func parseNumber(s string) (n number, ok bool) {
	rest := strings.TrimLeft(s, "+-")
	if len(s)-len(rest) > 1 {
		return n, false
	}
	whole := digits(rest)
	if whole == 0 {
		return n, false
	}
	if whole == len(rest) && whole <= 18 {
		n.integer, _ = strconv.ParseInt(s, 10, 64)
		n.isInteger, n.float = true, float64(n.integer)
		return n, true
	}
	rest = rest[whole:]
	if after, found := strings.CutPrefix(rest, "."); found {
		fraction := digits(after)
		if fraction == 0 {
			return n, false
		}
		rest = after[fraction:]
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		exponent := rest[1:]
		if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
			exponent = exponent[1:]
		}
		if exponent == "" || digits(exponent) != len(exponent) {
			return n, false
		}
		rest = ""
	}
	if rest != "" {
		return n, false
	}
	f, err := strconv.ParseFloat(s, 64)
	n.float = f
	return n, err == nil
}

// digits counts the digits that s begins with.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

// parseDate reads "one of the W3C implementations of the ISO 8601 date formats" or seconds since 1970 ("Date condition
// operators"). The formats of W3C's note are YYYY, YYYY-MM, YYYY-MM-DD and YYYY-MM-DDThh:mm[:ss[.s]] with Z or +hh:mm; four
// digits are a year and not a number of seconds. By hand, since the errors of package time cost allocations.
func parseDate(s string) (time.Time, bool) {
	if n := strings.TrimPrefix(s, "-"); len(n) > 0 && len(n) <= 18 && digits(n) == len(n) && (len(s) != 4 || n != s) {
		seconds, _ := strconv.ParseInt(s, 10, 64)
		return time.Unix(seconds, 0).UTC(), true
	}
	r := dateReader{rest: s, ok: true}
	year, month, day := r.number(4), 1, 1
	if r.more("-") {
		month = r.number(2)
		if r.more("-") {
			day = r.number(2)
			if r.more("T") {
				return r.time(year, month, day)
			}
		}
	}
	return r.date(year, month, day, 0, 0, 0, 0)
}

// dateReader takes a date apart from the left. ok stays false once something was not as it should be.
type dateReader struct {
	rest string
	ok   bool
}

// number reads n digits.
func (r *dateReader) number(n int) int {
	if len(r.rest) < n || digits(r.rest[:n]) != n {
		r.ok = false
		return 0
	}
	value := 0
	for i := range n {
		value = 10*value + int(r.rest[i]-'0')
	}
	r.rest = r.rest[n:]
	return value
}

// more steps over a separator, if it is there.
func (r *dateReader) more(separator string) bool {
	rest, found := strings.CutPrefix(r.rest, separator)
	r.rest = rest
	return found
}

// time reads what follows the T.
func (r *dateReader) time(year, month, day int) (time.Time, bool) {
	hour := r.number(2)
	r.ok = r.more(":") && r.ok
	minute, second, nanosecond := r.number(2), 0, 0
	if r.more(":") {
		second = r.number(2)
		if r.more(".") {
			nanosecond = r.fraction()
		}
	}
	sign := 0
	switch {
	case r.more("Z"):
	case r.more("+"):
		sign = 1
	case r.more("-"):
		sign = -1
	default:
		r.ok = false
	}
	offset := time.Duration(0)
	if sign != 0 {
		hours := r.number(2)
		r.ok = r.more(":") && r.ok
		minutes := r.number(2)
		r.ok = r.ok && hours < 24 && minutes < 60
		offset = time.Duration(sign) * (time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute)
	}
	t, ok := r.date(year, month, day, hour, minute, second, nanosecond)
	return t.Add(-offset), ok
}

// fraction reads the digits of a fraction of a second; those beyond nanoseconds don't count.
func (r *dateReader) fraction() int {
	n := digits(r.rest)
	r.ok = r.ok && n > 0
	value := 0
	for i := range 9 {
		value *= 10
		if i < n {
			value += int(r.rest[i] - '0')
		}
	}
	r.rest = r.rest[n:]
	return value
}

// date wants nothing left to read, and a date and time that the calendar knows.
func (r *dateReader) date(year, month, day, hour, minute, second, nanosecond int) (time.Time, bool) {
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanosecond, time.UTC)
	known := t.Month() == time.Month(month) && t.Day() == day && hour < 24 && minute < 60 && second < 60
	return t, r.ok && r.rest == "" && known
}
