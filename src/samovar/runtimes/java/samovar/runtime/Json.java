package samovar.runtime;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.math.BigDecimal;
import java.math.BigInteger;

/**
 * JSON text and plain values: Map, List, String, Integer, Long, BigInteger, Double, Boolean, null; as Jackson reads them into
 * Object. Writes those and any other Number.
 */
final class Json {
    private static final int DEEPEST = 1000;

    private final String text;
    private int at;
    private int depth;

    private Json(String text) {
        this.text = text;
    }

    static Object read(String text) {
        Json json = new Json(text);
        Object value = json.value();
        json.space();
        if (json.at < text.length()) throw json.wrong("nothing more");
        return value;
    }

    private RuntimeException wrong(String expected) {
        return new IllegalArgumentException("This is not JSON: " + expected + " was expected at character " + at);
    }

    private void space() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
    }

    private char peek() {
        if (at >= text.length()) throw wrong("more");
        return text.charAt(at);
    }

    private Object value() {
        space();
        char first = peek();
        if (first == '{') return object();
        if (first == '[') return array();
        if (first == '"') return string();
        if (text.startsWith("true", at)) return word(4, Boolean.TRUE);
        if (text.startsWith("false", at)) return word(5, Boolean.FALSE);
        if (text.startsWith("null", at)) return word(4, null);
        if (text.startsWith("NaN", at)) return word(3, Double.NaN);
        if (text.startsWith("Infinity", at)) return word(8, Double.POSITIVE_INFINITY);
        if (text.startsWith("-Infinity", at)) return word(9, Double.NEGATIVE_INFINITY);
        return number();
    }

    private Object word(int length, Object value) {
        at += length;
        return value;
    }

    private Object object() {
        enter();
        Map<String, Object> found = new LinkedHashMap<>();
        for (boolean first = true; !closed('}', first); first = false) {
            space();
            if (peek() != '"') throw wrong("a name");
            String name = string();
            space();
            if (peek() != ':') throw wrong("a colon");
            at++;
            found.put(name, value());
        }
        return found;
    }

    private Object array() {
        enter();
        List<Object> found = new ArrayList<>();
        for (boolean first = true; !closed(']', first); first = false) found.add(value());
        return found;
    }

    private void enter() {
        at++;
        if (++depth > DEEPEST) throw new IllegalArgumentException("The document is nested more than " + DEEPEST + " deep");
    }

    /** Whether an object or array ends here; otherwise its next member begins. */
    private boolean closed(char end, boolean first) {
        space();
        char next = peek();
        if (next == end) {
            at++;
            depth--;
            return true;
        }
        if (first) return false;
        if (next != ',') throw wrong("a comma");
        at++;
        return false;
    }

    private String string() {
        int end = ++at;
        while (end < text.length() && text.charAt(end) != '"' && text.charAt(end) != '\\') end++;
        if (end < text.length() && text.charAt(end) == '"') {
            String plain = text.substring(at, end);
            at = end + 1;
            return plain;
        }
        StringBuilder made = new StringBuilder();
        for (char next = peek(); next != '"'; next = peek()) {
            at++;
            made.append(next == '\\' ? escaped() : next);
        }
        at++;
        return made.toString();
    }

    private char escaped() {
        char kind = peek();
        at++;
        switch (kind) {
            case 'b': return '\b';
            case 'f': return '\f';
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'u':
                if (at + 4 > text.length()) throw wrong("four digits");
                at += 4;
                return (char) Integer.parseInt(text.substring(at - 4, at), 16);
            default: return kind;
        }
    }

    private Object number() {
        int start = at;
        boolean whole = true;
        while (at < text.length() && "+-0123456789.eE".indexOf(text.charAt(at)) >= 0) {
            whole &= ".eE".indexOf(text.charAt(at)) < 0;
            at++;
        }
        String digits = text.substring(start, at);
        try {
            if (!whole) return Double.valueOf(digits);
            if (digits.length() > 18) return narrow(new BigInteger(digits));
            long number = Long.parseLong(digits);
            if (number == (int) number) return (int) number;
            return number;
        } catch (NumberFormatException other) {
            at = start;
            throw wrong("a value");
        }
    }

    private static Object narrow(BigInteger number) {
        if (number.bitLength() < 64) return number.longValue();
        return number;
    }

    static String write(Object value) {
        StringBuilder out = new StringBuilder();
        write(value, out);
        return out.toString();
    }

    static void write(Object value, StringBuilder out) {
        if (value == null) out.append("null");
        else if (value instanceof Map) writeObject((Map<?, ?>) value, out);
        else if (value instanceof Iterable) writeArray((Iterable<?>) value, out);
        else if (value instanceof Double || value instanceof Float) writeReal(((Number) value).doubleValue(), value, out);
        else if (value instanceof BigDecimal || value instanceof Number || value instanceof Boolean) out.append(value);
        else writeString(value.toString(), out);
    }

    private static void writeReal(double number, Object value, StringBuilder out) {
        if (Double.isNaN(number) || Double.isInfinite(number)) writeString(value.toString(), out);
        else out.append(value);
    }

    private static void writeObject(Map<?, ?> object, StringBuilder out) {
        out.append('{');
        for (Map.Entry<?, ?> entry : object.entrySet()) {
            if (out.charAt(out.length() - 1) != '{') out.append(',');
            writeString(String.valueOf(entry.getKey()), out);
            out.append(':');
            write(entry.getValue(), out);
        }
        out.append('}');
    }

    private static void writeArray(Iterable<?> array, StringBuilder out) {
        out.append('[');
        boolean first = true;
        for (Object each : array) {
            if (!first) out.append(',');
            first = false;
            write(each, out);
        }
        out.append(']');
    }

    private static void writeString(String string, StringBuilder out) {
        out.append('"');
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            int simple = "\"\\\b\f\n\r\t".indexOf(c);
            if (simple >= 0) out.append('\\').append("\"\\bfnrt".charAt(simple));
            else if (c < ' ') out.append(String.format("\\u%04X", (int) c));
            else out.append(c);
        }
        out.append('"');
    }
}
