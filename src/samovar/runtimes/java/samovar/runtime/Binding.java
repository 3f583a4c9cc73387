package samovar.runtime;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * From a plain JSON value to what a handler wants: maps, lists, numbers, enums, beans, records. What AWS's settings of
 * Jackson forgive is forgiven: unknown properties and enum values, null for a primitive, one value for a list of one.
 */
final class Binding {
    private final Map<TypeVariable<?>, Type> variables;
    private final boolean event;

    private Binding(Map<TypeVariable<?>, Type> variables, boolean event) {
        this.variables = variables;
        this.event = event;
    }

    static Object bind(Object value, Type type) throws ReflectiveOperationException {
        return new Binding(Collections.emptyMap(), false).to(value, type);
    }

    static Class<?> raw(Type type) {
        if (type instanceof Class) return (Class<?>) type;
        if (type instanceof ParameterizedType) return (Class<?>) ((ParameterizedType) type).getRawType();
        if (type instanceof WildcardType) return raw(((WildcardType) type).getUpperBounds()[0]);
        if (type instanceof TypeVariable) return raw(((TypeVariable<?>) type).getBounds()[0]);
        return Array.newInstance(raw(((GenericArrayType) type).getGenericComponentType()), 0).getClass();
    }

    private Object to(Object value, Type wanted) throws ReflectiveOperationException {
        Type type = wanted instanceof TypeVariable ? variables.getOrDefault(wanted, wanted) : wanted;
        Class<?> raw = raw(type);
        if (raw == Object.class) return value;
        if (raw == Optional.class) return Optional.ofNullable(value == null ? null : to(value, argument(type, 0)));
        if (value == null) return raw.isPrimitive() ? Array.get(Array.newInstance(raw, 1), 0) : null;
        if (raw.isArray() && !(raw == byte[].class && value instanceof String)) return array(value, type, raw);
        if (Collection.class.isAssignableFrom(raw) || raw == Iterable.class) return collection(value, type, raw);
        if (value instanceof List && !isScalar(raw)) return single((List<?>) value, type);
        if (Map.class.isAssignableFrom(raw)) return map(value, type, raw);
        if (value instanceof Map) return bean((Map<?, ?>) value, type, raw);
        if (value instanceof String && ((String) value).isEmpty() && !isScalar(raw) && raw != byte[].class) return null;
        return scalar(value, raw);
    }

    private static boolean isScalar(Class<?> raw) {
        return raw.isPrimitive() || raw == String.class || Number.class.isAssignableFrom(raw) || raw == Boolean.class || raw == Character.class || CharSequence.class == raw;
    }

    private Type argument(Type type, int number) {
        if (!(type instanceof ParameterizedType)) return Object.class;
        Type argument = ((ParameterizedType) type).getActualTypeArguments()[number];
        return argument instanceof TypeVariable ? variables.getOrDefault(argument, argument) : argument;
    }

    private Object single(List<?> list, Type type) throws ReflectiveOperationException {
        if (list.isEmpty()) return null;
        if (list.size() > 1) throw mismatch(list, raw(type));
        return to(list.get(0), type);
    }

    private Object array(Object value, Type type, Class<?> raw) throws ReflectiveOperationException {
        Type component = type instanceof GenericArrayType ? ((GenericArrayType) type).getGenericComponentType() : raw.getComponentType();
        if (raw == char[].class && value instanceof String) return ((String) value).toCharArray();
        List<?> list = value instanceof List ? (List<?>) value : Collections.singletonList(value);
        Object array = Array.newInstance(raw(component), list.size());
        for (int i = 0; i < list.size(); i++) Array.set(array, i, to(list.get(i), component));
        return array;
    }

    @SuppressWarnings("unchecked")
    private Object collection(Object value, Type type, Class<?> raw) throws ReflectiveOperationException {
        Collection<Object> made;
        if (!raw.isInterface() && !Modifier.isAbstract(raw.getModifiers())) made = (Collection<Object>) make(raw);
        else if (SortedSet.class.isAssignableFrom(raw)) made = new TreeSet<>();
        else if (Set.class.isAssignableFrom(raw)) made = new LinkedHashSet<>();
        else if (raw.isAssignableFrom(ArrayList.class)) made = new ArrayList<>();
        else made = new ArrayDeque<>();
        List<?> list = value instanceof List ? (List<?>) value : Collections.singletonList(value);
        for (Object each : list) made.add(to(each, argument(type, 0)));
        return made;
    }

    @SuppressWarnings("unchecked")
    private Object map(Object value, Type type, Class<?> raw) throws ReflectiveOperationException {
        if (!(value instanceof Map)) {
            if ("".equals(value)) return null;
            throw mismatch(value, raw);
        }
        Map<Object, Object> made;
        if (!raw.isInterface() && !Modifier.isAbstract(raw.getModifiers())) made = (Map<Object, Object>) make(raw);
        else made = SortedMap.class.isAssignableFrom(raw) ? new TreeMap<>() : new LinkedHashMap<>();
        boolean typed = type instanceof ParameterizedType && ((ParameterizedType) type).getActualTypeArguments().length == 2;
        Type key = typed ? argument(type, 0) : Object.class;
        Type held = typed ? argument(type, 1) : Object.class;
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
            made.put(to(entry.getKey(), key), to(entry.getValue(), held));
        }
        return made;
    }

    private Object bean(Map<?, ?> value, Type type, Class<?> raw) throws ReflectiveOperationException {
        Beans beans = Beans.of(raw);
        Binding inner = new Binding(bound(type, raw), event || beans.event);
        if (beans.record) return inner.byFields(value, raw, beans);
        Constructor<?> plain = Arrays.stream(raw.getDeclaredConstructors()).filter(each -> each.getParameterCount() == 0).findFirst().orElse(null);
        if (plain == null) return inner.byFields(value, raw, beans);
        Object made = call(Beans.open(plain));
        for (Map.Entry<?, ?> entry : value.entrySet()) {
            Beans.Property property = beans.find(String.valueOf(entry.getKey()));
            if (property != null && property.writable()) {
                property.set(made, inner.to(entry.getValue(), property.type()));
            }
        }
        return made;
    }

    private Map<TypeVariable<?>, Type> bound(Type type, Class<?> raw) {
        Map<TypeVariable<?>, Type> bound = new HashMap<>(variables);
        Type ancestor = type;
        for (Class<?> each = raw; each != null; each = each.getSuperclass()) {
            if (ancestor instanceof ParameterizedType) {
                TypeVariable<?>[] names = each.getTypeParameters();
                for (int i = 0; i < names.length; i++) {
                    Type given = ((ParameterizedType) ancestor).getActualTypeArguments()[i];
                    bound.put(names[i], given instanceof TypeVariable ? bound.getOrDefault(given, given) : given);
                }
            }
            ancestor = each.getGenericSuperclass();
        }
        return bound;
    }

    /** An object that is made whole: a record, or one of AWS's events whose constructor takes its fields in their order. */
    private Object byFields(Map<?, ?> value, Class<?> raw, Beans beans) throws ReflectiveOperationException {
        Class<?>[] types = beans.fields.stream().map(Field::getType).toArray(Class<?>[]::new);
        for (Constructor<?> constructor : raw.getDeclaredConstructors()) {
            Class<?>[] taken = constructor.getParameterTypes();
            if (!fit(taken, types)) continue;
            Object[] arguments = new Object[types.length];
            for (int i = 0; i < types.length; i++) {
                Object given = given(value, beans, beans.fields.get(i).getName());
                arguments[i] = to(given, taken[i] == types[i] ? beans.fields.get(i).getGenericType() : taken[i]);
            }
            return call(Beans.open(constructor), arguments);
        }
        throw new IllegalArgumentException("Cannot construct instance of `" + raw.getName() + "`: it has no constructor without parameters");
    }

    private static boolean fit(Class<?>[] taken, Class<?>[] types) {
        if (taken.length != types.length || types.length == 0) return false;
        for (int i = 0; i < types.length; i++) {
            if (taken[i] != types[i] && taken[i] != String.class) return false;
        }
        return true;
    }

    private static Object given(Map<?, ?> value, Beans beans, String name) {
        if (value.containsKey(name) || !beans.event) return value.get(name);
        for (Map.Entry<?, ?> entry : value.entrySet()) {
            if (String.valueOf(entry.getKey()).equalsIgnoreCase(name)) return entry.getValue();
        }
        return null;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private Object scalar(Object value, Class<?> raw) throws ReflectiveOperationException {
        String text = String.valueOf(value);
        if (raw == String.class || raw == CharSequence.class) return text;
        if (raw == boolean.class || raw == Boolean.class) return truth(value, text);
        if (raw == char.class || raw == Character.class) return text.isEmpty() ? '\0' : text.charAt(0);
        if (raw.isPrimitive() || Number.class.isAssignableFrom(raw)) return number(value, text, raw);
        if (raw == byte[].class) return Base64.getDecoder().decode(text);
        if (raw == ByteBuffer.class) return ByteBuffer.wrap(Base64.getDecoder().decode(text));
        if (raw.isEnum()) return constant(text, (Class) raw);
        if (raw == Date.class) return value instanceof Number ? new Date(millis((Number) value)) : Date.from(java.time.OffsetDateTime.parse(text).toInstant());
        if (raw == java.time.Instant.class && value instanceof Number) return java.time.Instant.ofEpochMilli((long) (((Number) value).doubleValue() * 1000));
        return parsed(text, raw);
    }

    private long millis(Number number) {
        return event ? (long) (number.doubleValue() * 1000) : number.longValue();
    }

    private static Object truth(Object value, String text) {
        if (value instanceof Number) return ((Number) value).doubleValue() != 0;
        return Boolean.parseBoolean(text.trim());
    }

    private static Object number(Object value, String text, Class<?> raw) {
        if (value instanceof Boolean) throw mismatch(value, raw);
        if (value instanceof String && text.trim().isEmpty()) return raw.isPrimitive() ? Array.get(Array.newInstance(raw, 1), 0) : null;
        BigDecimal number = value instanceof Double && !Double.isFinite((Double) value) ? null : new BigDecimal(text.trim());
        if (raw == double.class || raw == Double.class || raw == Number.class) return number == null ? (Double) value : (Object) number.doubleValue();
        if (raw == float.class || raw == Float.class) return number == null ? ((Double) value).floatValue() : number.floatValue();
        if (number == null) throw mismatch(value, raw);
        BigInteger whole = number.toBigInteger();
        if (raw == BigDecimal.class) return number;
        if (raw == BigInteger.class) return whole;
        if (raw == long.class || raw == Long.class) return whole.longValueExact();
        if (raw == int.class || raw == Integer.class) return whole.intValueExact();
        if (raw == short.class || raw == Short.class) return whole.shortValueExact();
        if (raw == byte.class || raw == Byte.class) return whole.byteValueExact();
        throw mismatch(value, raw);
    }

    private static <E extends Enum<E>> Object constant(String text, Class<E> raw) {
        try {
            return Enum.valueOf(raw, text);
        } catch (IllegalArgumentException unknown) {
            return null;
        }
    }

    /** A class that is made from a text: by `parse`, `fromString`, `valueOf`, `of`, or a constructor. */
    private static Object parsed(String text, Class<?> raw) throws ReflectiveOperationException {
        for (String name : new String[] {"parse", "fromString", "valueOf", "forID", "of"}) {
            for (Method method : raw.getMethods()) {
                boolean takes = method.getParameterCount() == 1 && method.getParameterTypes()[0].isAssignableFrom(String.class);
                if (takes && method.getName().equals(name) && Modifier.isStatic(method.getModifiers()) && raw.isAssignableFrom(method.getReturnType())) {
                    return unwrapped(() -> method.invoke(null, text));
                }
            }
        }
        for (Constructor<?> constructor : raw.getConstructors()) {
            if (constructor.getParameterCount() == 1 && constructor.getParameterTypes()[0] == String.class) return call(constructor, text);
        }
        throw mismatch(text, raw);
    }

    private static Object make(Class<?> raw) throws ReflectiveOperationException {
        return call(Beans.open(raw.getDeclaredConstructor()));
    }

    private static Object call(Constructor<?> constructor, Object... arguments) throws ReflectiveOperationException {
        return unwrapped(() -> constructor.newInstance(arguments));
    }

    private interface Call {
        Object make() throws ReflectiveOperationException;
    }

    private static Object unwrapped(Call call) throws ReflectiveOperationException {
        try {
            return call.make();
        } catch (InvocationTargetException thrown) {
            if (thrown.getCause() instanceof RuntimeException) throw (RuntimeException) thrown.getCause();
            throw thrown;
        }
    }

    private static RuntimeException mismatch(Object value, Class<?> raw) {
        String kind = value instanceof Map ? "an object" : value instanceof List ? "an array" : Json.write(value);
        return new IllegalArgumentException("Cannot deserialize value of type `" + raw.getName() + "` from " + kind);
    }
}
