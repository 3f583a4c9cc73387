package samovar.runtime;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * From a handler's name to the function: `package.Class::method`, or `package.Class` for one that implements RequestHandler
 * or RequestStreamHandler.
 *
 * Rules (AWS's): of several methods of the name, the one with most parameters, a Context at the end counting twice. A
 * function that can't be found fails each invocation; one whose class or constructor throws fails init.
 */
final class Handlers {
    private Handlers() {}

    interface Handler {
        byte[] call(Api.Invocation invocation) throws Throwable;
    }

    /** Raises Fault for what fails init. */
    static Handler find(String name, ClassLoader loader, Views views) {
        String[] parts = name.split("::", -1);
        if (parts.length > 2 || parts[0].isEmpty() || parts[parts.length - 1].isEmpty()) {
            return failing(new Fault("Invalid handler: `" + name + "'", null, null));
        }
        Class<?> type;
        try {
            type = loader.loadClass(parts[0]);
            Class.forName(parts[0], true, loader);
        } catch (ClassNotFoundException absent) {
            return failing(new Fault("Class not found: " + parts[0], absent.getClass().getName(), absent));
        } catch (ExceptionInInitializerError thrown) {
            Throwable cause = thrown.getCause() == null ? thrown : thrown.getCause();
            throw new Fault(loading(parts[0], cause), cause.getClass().getName(), cause);
        } catch (NoClassDefFoundError absent) {
            throw new Fault(loading(parts[0], absent), absent.getClass().getName(), absent);
        } catch (Throwable thrown) {
            throw new Fault(loading(parts[0], thrown), thrown.getClass().getName(), thrown);
        }
        try {
            return parts.length == 1 ? byInterface(type, views) : byMethod(type, parts[1], views);
        } catch (Missing missing) {
            return failing(new Fault(missing.getMessage(), null, null));
        }
    }

    private static String loading(String name, Throwable thrown) {
        return "Error loading class " + name + (thrown.getMessage() == null ? "" : ": " + thrown.getMessage());
    }

    private static final class Missing extends Exception {
        private static final long serialVersionUID = 1;

        Missing(String message) {
            super(message);
        }
    }

    private static Handler failing(Fault fault) {
        return invocation -> {
            throw fault;
        };
    }

    // --- by interface ---------------------------------------------------------------------------------------------------

    private static Handler byInterface(Class<?> type, Views views) throws Missing {
        Class<?> streams = views.type("RequestStreamHandler");
        Class<?> objects = views.type("RequestHandler");
        Class<?> context = views.type("Context");
        try {
            if (streams != null && streams.isAssignableFrom(type)) {
                Method method = streams.getMethod("handleRequest", InputStream.class, OutputStream.class, context);
                return calling(method, instance(type), void.class, views, Role.INPUT, Role.OUTPUT, Role.CONTEXT);
            }
            if (objects != null && objects.isAssignableFrom(type)) {
                Type[] types = arguments(type, objects);
                Method method = objects.getMethod("handleRequest", Object.class, context);
                return calling(method, instance(type), types[1], views, new Role(types[0]), Role.CONTEXT);
            }
        } catch (NoSuchMethodException other) {
            throw new Missing("The interfaces of aws-lambda-java-core are not those of Lambda: " + other.getMessage());
        }
        throw new Missing("Class does not implement an appropriate handler interface: " + type.getName());
    }

    /** What a class gives for the parameters of RequestHandler, wherever above it that is said. */
    private static Type[] arguments(Class<?> type, Class<?> wanted) throws Missing {
        Type[] found = search(type, wanted);
        if (found == null) throw new Missing("Class " + type.getName() + " does not implement RequestHandler with concrete type parameters");
        for (Type each : found) {
            if (each instanceof TypeVariable && Arrays.equals(((TypeVariable<?>) each).getBounds(), new Type[] {Object.class})) {
                throw new Missing("Class " + type.getName() + " does not implement RequestHandler with concrete type parameters: parameter " + each + " has no upper bound.");
            }
        }
        return found;
    }

    private static Type[] search(Type from, Class<?> wanted) {
        Class<?> raw = Binding.raw(from);
        if (raw == wanted) return from instanceof ParameterizedType ? ((ParameterizedType) from).getActualTypeArguments() : null;
        List<Type> above = new ArrayList<>(Arrays.asList(raw.getGenericInterfaces()));
        if (raw.getGenericSuperclass() != null) above.add(raw.getGenericSuperclass());
        for (Type each : above) {
            if (!wanted.isAssignableFrom(Binding.raw(each))) continue;
            Type[] found = search(each, wanted);
            if (found == null) continue;
            Type[] made = found.clone();
            TypeVariable<?>[] names = raw.getTypeParameters();
            for (int i = 0; i < made.length && from instanceof ParameterizedType; i++) {
                int at = Arrays.asList(names).indexOf(made[i]);
                if (at >= 0) made[i] = ((ParameterizedType) from).getActualTypeArguments()[at];
            }
            return made;
        }
        return null;
    }

    // --- by method ------------------------------------------------------------------------------------------------------

    private static Handler byMethod(Class<?> type, String name, Views views) throws Missing {
        Class<?> context = views.type("Context");
        Method[] methods;
        try {
            methods = type.getMethods();
        } catch (NoClassDefFoundError absent) {
            return failing(new Fault("Error loading method " + name + " on class " + type.getName(), absent.getClass().getName(), absent));
        }
        Method[] named = Arrays.stream(methods).filter(each -> each.getName().equals(name)).toArray(Method[]::new);
        Arrays.sort(named, Comparator.comparing(Method::isBridge).thenComparing(each -> -weight(each, context)));
        for (Method method : named) {
            Role[] roles = roles(method, context);
            if (roles == null) continue;
            Object instance = Modifier.isStatic(method.getModifiers()) ? null : instance(type);
            return calling(method, instance, method.getGenericReturnType(), views, roles);
        }
        throw new Missing("No public method named " + name + " with appropriate method signature found on class " + type.getName());
    }

    private static int weight(Method method, Class<?> context) {
        Class<?>[] types = method.getParameterTypes();
        return types.length + (types.length > 0 && types[types.length - 1] == context ? 1 : 0);
    }

    /** What each parameter gets; null for a signature that Lambda doesn't take. */
    private static Role[] roles(Method method, Class<?> context) {
        Type[] types = method.getGenericParameterTypes();
        Role[] roles = new Role[types.length];
        for (int i = 0; i < types.length; i++) {
            if (types[i] == context) roles[i] = Role.CONTEXT;
            else if (types[i] == InputStream.class) roles[i] = Role.INPUT;
            else if (types[i] == OutputStream.class) roles[i] = Role.OUTPUT;
            else roles[i] = new Role(types[i]);
        }
        boolean contextLast = Arrays.asList(roles).indexOf(Role.CONTEXT) + 1 == roles.length;
        boolean fine = roles.length < 2
            || (roles.length == 2 && contextLast)
            || (roles[0] == Role.INPUT && roles[1] == Role.OUTPUT && (roles.length == 2 || (roles.length == 3 && contextLast)));
        return fine ? roles : null;
    }

    /** What a parameter gets: one of the three, or the event as an object of a type. */
    private static final class Role {
        static final Role CONTEXT = new Role(null);
        static final Role INPUT = new Role(null);
        static final Role OUTPUT = new Role(null);

        final Type type;

        Role(Type type) {
            this.type = type;
        }
    }

    // --- calling --------------------------------------------------------------------------------------------------------

    private static Object instance(Class<?> type) throws Missing {
        Constructor<?> constructor;
        try {
            constructor = type.getConstructor();
        } catch (NoSuchMethodException absent) {
            if (type.getEnclosingClass() != null && !Modifier.isStatic(type.getModifiers())) {
                throw new Missing("Class " + type.getName() + " cannot be instantiated because it is a non-static inner class");
            }
            throw new Missing("Class " + type.getName() + " has no public zero-argument constructor");
        }
        try {
            return constructor.newInstance();
        } catch (InvocationTargetException thrown) {
            throw Fault.of(thrown.getCause());
        } catch (ReflectiveOperationException | LinkageError thrown) {
            throw Fault.of(thrown);
        }
    }

    private static Handler calling(Method method, Object instance, Type returned, Views views, Role... roles) {
        Beans.open(method);
        boolean streams = Arrays.asList(roles).contains(Role.INPUT) || Arrays.asList(roles).contains(Role.OUTPUT);
        boolean silent = returned == void.class || returned == Void.class;
        return invocation -> {
            ByteArrayOutputStream output = new ByteArrayOutputStream(1024);
            Object[] arguments = new Object[roles.length];
            for (int i = 0; i < roles.length; i++) {
                if (roles[i] == Role.CONTEXT) arguments[i] = views.context(invocation);
                else if (roles[i] == Role.INPUT) arguments[i] = new ByteArrayInputStream(invocation.event);
                else if (roles[i] == Role.OUTPUT) arguments[i] = output;
                else arguments[i] = event(invocation, roles[i].type);
            }
            Object result;
            try {
                result = method.invoke(instance, arguments);
            } catch (InvocationTargetException thrown) {
                throw thrown.getCause();
            }
            return streams ? output.toByteArray() : answer(silent ? null : result);
        };
    }

    private static Object event(Api.Invocation invocation, Type type) {
        try {
            return Binding.bind(Json.read(new String(invocation.event, StandardCharsets.UTF_8)), type);
        } catch (Throwable thrown) {
            throw new RuntimeException("An error occurred during JSON parsing", thrown);
        }
    }

    private static byte[] answer(Object result) {
        try {
            return Json.write(Plain.of(result)).getBytes(StandardCharsets.UTF_8);
        } catch (Throwable thrown) {
            throw new RuntimeException("An error occurred during JSON serialization of response", thrown);
        }
    }
}
