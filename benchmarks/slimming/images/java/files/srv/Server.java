import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/** A web server whose pages load classes, security providers and time zones when they are asked for. */
public class Server {
    interface Page {
        String text() throws Exception;
    }

    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        page(server, "/", () -> "hello from Java " + Runtime.version().feature() + "\n");
        page(server, "/moment", () -> DateTimeFormatter.ISO_DATE_TIME.format(
                Instant.ofEpochSecond(1700000000).atZone(ZoneId.of("Europe/Berlin"))));
        page(server, "/digest", () -> HexFormat.of().formatHex(
                MessageDigest.getInstance("SHA-256").digest("x".getBytes(StandardCharsets.UTF_8))));
        page(server, "/zip", Server::zipped);
        server.start();
    }

    private static String zipped() throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream stream = new GZIPOutputStream(packed)) {
            stream.write("zipped and back".getBytes(StandardCharsets.UTF_8));
        }
        try (GZIPInputStream stream = new GZIPInputStream(new ByteArrayInputStream(packed.toByteArray()))) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static void page(HttpServer server, String path, Page page) {
        server.createContext(path, exchange -> answer(exchange, path, page));
    }

    private static void answer(HttpExchange exchange, String path, Page page) throws IOException {
        int status = 200;
        String text;
        try {
            if (exchange.getRequestURI().getPath().equals(path)) {
                text = page.text();
            } else {
                status = 404;
                text = "nothing here\n";
            }
        } catch (Exception problem) {
            status = 500;
            text = problem.toString();
        }
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }
}
