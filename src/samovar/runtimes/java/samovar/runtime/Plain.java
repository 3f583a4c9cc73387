package samovar.runtime;

import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Calendar;
import java.util.Date;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.BaseStream;

/** From what a handler returned to plain values for JSON. A bean's properties without a value are left out; a map's stay. */
final class Plain {
    private final IdentityHashMap<Object, Boolean> above = new IdentityHashMap<>();

    static Object of(Object value) throws ReflectiveOperationException {
        return new Plain().plain(value, false);
    }

    private Object plain(Object value, boolean event) throws ReflectiveOperationException {
        if (value == null || value instanceof String || value instanceof Number || value instanceof Boolean) return value;
        if (value instanceof Character || value instanceof Enum || value instanceof CharSequence) return value instanceof Enum ? ((Enum<?>) value).name() : value.toString();
        if (value instanceof Optional) return plain(((Optional<?>) value).orElse(null), event);
        if (value instanceof Date) return event ? (Object) (((Date) value).getTime() / 1000.0) : (Object) ((Date) value).getTime();
        if (value instanceof Calendar) return ((Calendar) value).getTimeInMillis();
        if (value instanceof byte[]) return Base64.getEncoder().encodeToString((byte[]) value);
        if (value instanceof char[]) return new String((char[]) value);
        if (value instanceof ByteBuffer) return base64(((ByteBuffer) value).duplicate());
        if (value instanceof BaseStream) return list(((BaseStream<?, ?>) value).iterator(), event);
        if (isText(value.getClass().getName())) return value.toString();
        if (above.put(value, true) != null) throw new IllegalArgumentException("Direct self-reference leading to cycle: " + value.getClass().getName());
        try {
            if (value instanceof Map) return object((Map<?, ?>) value, event);
            if (value instanceof Iterable) return list(((Iterable<?>) value).iterator(), event);
            if (value.getClass().isArray()) return array(value, event);
            return bean(value, event);
        } finally {
            above.remove(value);
        }
    }

    /** Classes of the platform that stand for a text. */
    private static boolean isText(String name) {
        return name.startsWith("java.time.") || name.startsWith("java.net.UR") || name.startsWith("org.joda.time.")
            || name.equals("java.util.UUID") || name.equals("java.util.Locale") || name.equals("java.lang.Class");
    }

    private static String base64(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return Base64.getEncoder().encodeToString(bytes);
    }

    private Object object(Map<?, ?> map, boolean event) throws ReflectiveOperationException {
        Map<String, Object> made = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : map.entrySet()) made.put(String.valueOf(entry.getKey()), plain(entry.getValue(), event));
        return made;
    }

    private List<Object> list(Iterator<?> values, boolean event) throws ReflectiveOperationException {
        List<Object> made = new ArrayList<>();
        while (values.hasNext()) made.add(plain(values.next(), event));
        return made;
    }

    private List<Object> array(Object values, boolean event) throws ReflectiveOperationException {
        List<Object> made = new ArrayList<>();
        for (int i = 0; i < Array.getLength(values); i++) made.add(plain(Array.get(values, i), event));
        return made;
    }

    private Object bean(Object value, boolean event) throws ReflectiveOperationException {
        Beans beans = Beans.of(value.getClass());
        Map<String, Object> made = new LinkedHashMap<>();
        for (Beans.Property property : beans.properties.values()) {
            if (!property.readable()) continue;
            Object held = plain(property.get(value), event || beans.event);
            if (held != null) made.put(property.name, held);
        }
        return made;
    }
}
