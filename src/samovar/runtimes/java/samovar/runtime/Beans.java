package samovar.runtime;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The properties of a class, as AWS's client has Jackson find them: public fields, getters and setters with the standard
 * names of beans, in the order in which the fields are declared. A record's are its components.
 */
final class Beans {
    private static final Map<Class<?>, Beans> KNOWN = new ConcurrentHashMap<>();
    private static final String EVENTS = "com.amazonaws.services.lambda.runtime.events.";

    /** Its names match whatever their case and dashes, and its dates are in seconds: AWS has a table for these classes. */
    final boolean event;
    final boolean record;
    final List<Field> fields = new ArrayList<>();
    final Map<String, Property> properties = new LinkedHashMap<>();
    private final Map<String, Property> loose = new LinkedHashMap<>();

    static final class Property {
        final String name;
        Field field;
        Method getter;
        Method setter;

        Property(String name) {
            this.name = name;
        }

        Type type() {
            return setter != null ? setter.getGenericParameterTypes()[0] : field.getGenericType();
        }

        Object get(Object of) throws ReflectiveOperationException {
            return getter != null ? getter.invoke(of) : field.get(of);
        }

        void set(Object of, Object value) throws ReflectiveOperationException {
            if (setter != null) setter.invoke(of, value);
            else field.set(of, value);
        }

        boolean readable() {
            return getter != null || isPublic(field);
        }

        boolean writable() {
            return setter != null || isPublic(field);
        }
    }

    static Beans of(Class<?> type) {
        return KNOWN.computeIfAbsent(type, Beans::new);
    }

    private Beans(Class<?> type) {
        event = type.getName().startsWith(EVENTS);
        record = type.getSuperclass() != null && type.getSuperclass().getName().equals("java.lang.Record");
        for (Class<?> each : lineage(type)) {
            for (Field field : each.getDeclaredFields()) addField(field);
        }
        for (Method method : type.getMethods()) addMethod(method);
        properties.values().removeIf(property -> !property.readable() && !property.writable());
        if (event) properties.values().forEach(property -> loose.put(plain(property.name), property));
    }

    Property find(String name) {
        Property exact = properties.get(name);
        if (exact != null || !event) return exact;
        Property found = loose.get(plain(name));
        // A field `isBase64Encoded` has its setter without the `is`.
        return found != null || !name.startsWith("is") ? found : loose.get(plain(name.substring(2)));
    }

    private static String plain(String name) {
        return name.replace("-", "").replace("_", "").toLowerCase(Locale.ROOT);
    }

    private static List<Class<?>> lineage(Class<?> type) {
        List<Class<?>> found = new ArrayList<>();
        for (Class<?> each = type; each != null && each != Object.class; each = each.getSuperclass()) found.add(each);
        Collections.reverse(found);
        return found;
    }

    private void addField(Field field) {
        if (field.isSynthetic() || Modifier.isStatic(field.getModifiers())) return;
        if (Modifier.isTransient(field.getModifiers()) && !Modifier.isPublic(field.getModifiers())) return;
        fields.add(field);
        if (isPublic(field) || record) open(field);
        property(field.getName()).field = field;
    }

    private void addMethod(Method method) {
        if (Modifier.isStatic(method.getModifiers()) || method.isBridge()) return;
        if (method.getDeclaringClass() == Object.class) return;
        String name = method.getName();
        int count = method.getParameterCount();
        Class<?> returned = method.getReturnType();
        if (count == 0 && record && properties.containsKey(name)) property(name).getter = open(method);
        else if (count == 0 && returned != void.class && named(name, "get")) property(bean(name, 3)).getter = open(method);
        else if (count == 0 && returned == boolean.class && named(name, "is")) property(bean(name, 2)).getter = open(method);
        else if (count == 1 && named(name, "set")) addSetter(property(bean(name, 3)), method);
    }

    /** Of several, the one that fits the getter or field. */
    private static void addSetter(Property property, Method method) {
        Class<?> wanted = property.getter != null ? property.getter.getReturnType() : property.field == null ? null : property.field.getType();
        if (property.setter == null || method.getParameterTypes()[0] == wanted) property.setter = open(method);
    }

    private Property property(String name) {
        return properties.computeIfAbsent(name, Property::new);
    }

    private static boolean named(String name, String prefix) {
        return name.startsWith(prefix) && name.length() > prefix.length();
    }

    private static String bean(String name, int from) {
        boolean abbreviation = name.length() > from + 1 && Character.isUpperCase(name.charAt(from + 1));
        if (abbreviation && Character.isUpperCase(name.charAt(from))) return name.substring(from); // getURL
        return Character.toLowerCase(name.charAt(from)) + name.substring(from + 1);
    }

    static boolean isPublic(Field field) {
        return field != null && Modifier.isPublic(field.getModifiers());
    }

    /** A public method of a class that isn't public needs this. */
    static <T extends java.lang.reflect.AccessibleObject> T open(T member) {
        try {
            member.setAccessible(true);
        } catch (RuntimeException closed) {
            // A module that doesn't open itself: what is public there can be used as it is.
        }
        return member;
    }
}
